"""(b) The loop people write: one record at a time."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.contestants.protocol import Contestant, Job


def _command(job: Job) -> Sequence[str]:
    return [sys.executable, "-m", "benchmarks.peers.naive_loop", job.bootstrap, job.source, job.sink, job.group, str(job.model)]


NAIVE = Contestant("naive", "the loop people write", _command)
