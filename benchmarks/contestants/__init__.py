"""Who takes part. A new contestant is one file here, one line below, and, if it is a program, one file in `peers/`."""

from __future__ import annotations

from benchmarks.contestants.copying import COPY, COPY_EXACTLY
from benchmarks.contestants.kafka_streams import KAFKA_STREAMS
from benchmarks.contestants.naive import NAIVE
from benchmarks.contestants.ours import EXACTLY, ONE, TWO
from benchmarks.contestants.protocol import Contestant, Job, WrongAnswer
from benchmarks.contestants.quix import QUIX

ALL: tuple[Contestant, ...] = (ONE, EXACTLY, TWO, COPY, COPY_EXACTLY, NAIVE, QUIX, KAFKA_STREAMS)

__all__ = ["ALL", "Contestant", "Job", "WrongAnswer"]
