"""PySpark by hand: `KIND BOOTSTRAP SOURCE SINK GROUP MODEL FOLDER`. Runs in the environment of Spark.

`empty` is what the way through Python costs; `arrow` is the quickest that we could write, mapInArrow over raw values; `udf`
is what people write: from_json, a pandas UDF, to_json. Micro-batches of 400,000 records, two cores.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.peers.by_hand import scored, session_of
from instream.engines.kafka_jars import kafka_jars

CORES = 2
OFFSETS = 400_000
NAMES = tuple(f"x{i}" for i in range(8))


def empty(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


def by_columns(model: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            values = pa.array(scored(model, batch.column("value").to_pylist()), pa.binary())
            yield pa.RecordBatch.from_arrays([batch.column("key"), values], names=["key", "value"])

    return score


def by_udf(frame: DataFrame, model: str) -> DataFrame:
    @F.pandas_udf("double")  # type: ignore[untyped-decorator]
    def predict(rows: pd.DataFrame) -> pd.Series:
        return pd.Series(session_of(model).run(None, {"x": rows.to_numpy(np.float32)})[0][:, 0]).astype(float)

    schema = "id string, " + ", ".join(f"{name} double" for name in NAMES)
    read = frame.select("key", F.from_json(F.col("value").cast("string"), schema).alias("r"))
    answered = read.select("key", "r.id", predict(F.struct(*(F.col(f"r.{name}") for name in NAMES))).alias("prediction"))
    return answered.select("key", F.to_json(F.struct("id", "prediction", F.lit(1).alias("version"))).alias("value"))


def main(kind: str, bootstrap: str, source: str, sink: str, group: str, model: str, folder: str) -> None:
    os.environ.update(PYSPARK_PYTHON=sys.executable, PYSPARK_DRIVER_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent.parent)  # of the workers too
    spark = (
        SparkSession.builder.master(f"local[{CORES}]")
        .appName(group)
        .config("spark.jars", ",".join(str(path) for path in kafka_jars("spark")))
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "10000")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("WARN")
    reading: Any = spark.readStream.format("kafka").option("kafka.bootstrap.servers", bootstrap).option("subscribe", source)
    frame = reading.option("startingOffsets", "earliest").option("maxOffsetsPerTrigger", OFFSETS).load().select("key", "value")
    made = by_udf(frame, model) if kind == "udf" else frame.mapInArrow(empty if kind == "empty" else by_columns(model), frame.schema)
    writing: Any = made.writeStream.format("kafka").option("kafka.bootstrap.servers", bootstrap).option("topic", sink)
    writing = writing.option("kafka.linger.ms", "5").option("kafka.batch.size", str(1 << 20)).option("kafka.compression.type", "lz4")
    writing.option("checkpointLocation", f"{folder}/checkpoint").start().awaitTermination()


if __name__ == "__main__":
    main(*sys.argv[1:])
