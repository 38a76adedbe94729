"""Who takes part. A new contestant is one file here, one line below, and, if it is a program, one file in `peers/`."""

from __future__ import annotations

from benchmarks.contestants.copying import COPY, COPY_EXACTLY
from benchmarks.contestants.flink import FLINK, FLINK_EMPTY, FLINK_JAVA, FLINK_MAP, FLINK_PANDAS
from benchmarks.contestants.kafka_streams import KAFKA_STREAMS
from benchmarks.contestants.naive import NAIVE
from benchmarks.contestants.ours import EXACTLY, ONE, TWO
from benchmarks.contestants.protocol import Contestant, Job, WrongAnswer
from benchmarks.contestants.quix import QUIX
from benchmarks.contestants.spark import SPARK, SPARK_ARROW, SPARK_EMPTY, SPARK_UDF

ALL: tuple[Contestant, ...] = (ONE, EXACTLY, TWO, COPY, COPY_EXACTLY, NAIVE, QUIX, KAFKA_STREAMS)

ENGINES: tuple[Contestant, ...] = (
    TWO,
    FLINK,
    FLINK_EMPTY,
    FLINK_PANDAS,
    FLINK_MAP,
    FLINK_JAVA,
    SPARK,
    SPARK_EMPTY,
    SPARK_ARROW,
    SPARK_UDF,
)
"""Of `benchmarks engines`."""

__all__ = ["ALL", "ENGINES", "Contestant", "Job", "WrongAnswer"]
