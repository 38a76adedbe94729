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


def rows_of(records: DataFrame, score: Callable[..., Column], settings: Pipeline, ends: Ends, partitions: Partitions) -> DataFrame:
    """What is written for some records of the source.

    Args:
        records: with the columns of Spark's Kafka source.
        score: see `udf.scoring`.
    Returns:
        key, value, headers, topic, partition, and whether it is an output, for where two writers are needed; a record that was
        filtered has no row.
    """
    scored = records.select("key", "headers", "partition", "offset", score("value", "partition", "offset").alias("scored"))
    dead = f.col("scored.dead")
    is_output = dead.isNull()
    own = f.coalesce("headers", f.expr("array()"))
    return scored.where("scored.value is not null").select(
        "key",
        f.col("scored.value").alias("value"),
        f.when(is_output, _output_headers(own, settings, ends.source.topic)).otherwise(f.concat(_not_ours(own), dead)).alias("headers"),
        (f.lit(ends.sink.topic) if ends.dead is None else f.when(is_output, ends.sink.topic).otherwise(ends.dead.topic)).alias("topic"),
        _partition(is_output, settings, partitions).alias("partition"),
        is_output.alias(IS_OUTPUT),
    )


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
