"""(a) The copy loop: what librdkafka and the broker allow, were the model free."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from benchmarks.contestants.protocol import Contestant, Job, check_copied


def _command(mode: str, job: Job) -> Sequence[str]:
    return [sys.executable, "-m", "benchmarks.peers.copy_loop", job.bootstrap, job.source, job.sink, job.group, mode]


COPY = Contestant("copy", "copy loop, at least once", partial(_command, "at_least_once"), check_copied)
COPY_EXACTLY = Contestant("copy-eo", "copy loop, exactly once", partial(_command, "exactly_once"), check_copied)
