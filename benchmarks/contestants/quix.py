"""(c) Quix Streams with onnxruntime, in an environment of its own: it pins another confluent-kafka."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestants.protocol import Contestant, Job
from instream.testing.environments import environment

_PINS = Path(__file__).parent.parent / "peers" / "quix.lock"
_LOOP = Path(__file__).parent.parent / "peers" / "quix_loop.py"


def prepare() -> None:
    """Make the environment from the pins, unless it is there."""
    environment("quix", _PINS)


def _command(job: Job) -> Sequence[str]:
    return [str(environment("quix", _PINS)), str(_LOOP), job.bootstrap, job.source, job.sink, job.group, str(job.model)]


QUIX = Contestant("quix", "Quix Streams, onnxruntime", _command, prepare=prepare)
