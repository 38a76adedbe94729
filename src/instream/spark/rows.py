"""Scored records as the rows of Spark's Kafka sink: outputs and dead letters are one write, so that each record is scored once.

Spark's sink writes key, value, headers, topic and partition. It has no column for timestamps: an output's is the time at which
it was written, where our own workers keep the record's.
"""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from instream.pipeline.letter import HEADERS, SOURCE
from instream.settings import Pipeline
from instream.spark.ends import Ends
from instream.spark.topics import Partitions

IS_OUTPUT = "is_output"


class Rows:
    """What is written for records of a source. The columns are made once, since each takes some calls of the JVM."""

    def __init__(self, settings: Pipeline, ends: Ends, partitions: Partitions) -> None:
        dead = f.col("scored.dead")
        is_output = dead.isNull()
        own = f.coalesce("headers", f.expr("array()"))
        headers = f.when(is_output, _output_headers(own, settings, ends.source.topic)).otherwise(f.concat(_not_ours(own), dead))
        topic = f.lit(ends.sink.topic) if ends.dead is None else f.when(is_output, ends.sink.topic).otherwise(ends.dead.topic)
        self._is_there = f.col("scored.value").isNotNull()
        self._columns = [
            f.col("key"),
            f.col("scored.value").alias("value"),
            headers.alias("headers"),
            topic.alias("topic"),
            _partition(is_output, settings, partitions).alias("partition"),
            *([] if ends.one_writer else [is_output.alias(IS_OUTPUT)]),
        ]

    def of(self, records: DataFrame, score: Callable[..., Column]) -> DataFrame:
        """For some records, with the columns of Spark's Kafka source.

        Args:
            score: see `udf.scoring`.
        Returns:
            key, value, headers, topic, partition, and, where two writers are needed, whether it is an output; a record that
            was filtered has no row.
        """
        scored = score("value", "partition", "offset").alias("scored")
        return records.select("key", "headers", "partition", "offset", scored).where(self._is_there).select(*self._columns)


def _output_headers(own: Column, settings: Pipeline, topic: str) -> Column:
    """The record's own, and where it was, as our own workers write it."""
    if not settings.output.source_id:
        return f.col("headers")
    where = f.encode(f.concat_ws("/", f.lit(topic), "partition", "offset"), "UTF-8")
    return f.concat(own, f.array(f.struct(f.lit(SOURCE).alias("key"), where.alias("value"))))


def _not_ours(own: Column) -> Column:
    """Without what an earlier failure said."""
    return f.filter(own, lambda header: ~header["key"].isin(*HEADERS))


def _partition(is_output: Column, settings: Pipeline, partitions: Partitions) -> Column:
    """Null leaves it to Java's client, which places a key by murmur2. Each try must give a record the same place, or readers
    could not tell that they see it again: so a record without a key goes by the partition that it came from, never at random."""
    source = f.col("partition")
    by_key = f.when(f.col("key").isNull(), f.pmod(source, f.lit(partitions.sink)))
    outputs = source if settings.sink is not None and settings.sink.partitioner == "source" else by_key
    if partitions.dead is None:
        return outputs
    letters = f.when(f.col("key").isNull(), f.pmod(source, f.lit(partitions.dead)))
    return f.when(is_output, outputs).otherwise(letters)
