"""PyFlink by hand: `KIND BOOTSTRAP SOURCE SINK GROUP MODEL FOLDER`. Runs in the environment of Flink.

`empty` is what the way through Python costs; `pandas` is the quickest that we could write, a function over columns of raw
values; `map` is what people write, a DataStream with one record at a time. All are exactly once, at parallelism 2.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyflink.common import Configuration, SimpleStringSchema, Types, WatermarkStrategy
from pyflink.datastream import MapFunction, RuntimeContext, StreamExecutionEnvironment
from pyflink.datastream.connectors.base import DeliveryGuarantee
from pyflink.datastream.connectors.kafka import KafkaOffsetsInitializer, KafkaRecordSerializationSchema, KafkaSink, KafkaSource
from pyflink.table import DataTypes, StreamTableEnvironment
from pyflink.table.udf import ScalarFunction, udf

from benchmarks.peers.by_hand import scored, session_of
from instream.engines.kafka_jars import kafka_jars

PARALLELISM = 2
NAMES = tuple(f"x{i}" for i in range(8))


class Empty(ScalarFunction):  # type: ignore[misc]
    def eval(self, values: Any) -> Any:
        return values


class Batch(ScalarFunction):  # type: ignore[misc]
    """A batch by columns."""

    def __init__(self, model: str) -> None:
        self._model = model

    def eval(self, values: Any) -> Any:
        return pd.Series(scored(self._model, values))


class One(MapFunction):  # type: ignore[misc]
    """One record."""

    def __init__(self, model: str) -> None:
        self._model = model

    def open(self, context: RuntimeContext) -> None:
        self._session = session_of(self._model)

    def map(self, value: str) -> str:
        record = json.loads(value)
        row = np.array([[record[name] for name in NAMES]], np.float32)
        prediction = self._session.run(None, {"x": row})[0]
        return json.dumps({"id": record["id"], "prediction": float(prediction[0, 0]), "version": 1})


def configuration(folder: str) -> Any:
    found = Configuration()
    for key, value in {
        "pipeline.jars": ";".join(path.as_uri() for path in kafka_jars("flink")),
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "parallelism.default": str(PARALLELISM),
        "python.fn-execution.bundle.size": "5000",
        "python.fn-execution.arrow.batch.size": "5000",
        "execution.checkpointing.interval": "1s",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.dir": (Path(folder) / "checkpoints").as_uri(),
    }.items():
        found.set_string(key, value)
    return found


def by_columns(function: Any, bootstrap: str, source: str, sink: str, group: str, folder: str) -> None:
    environment = StreamExecutionEnvironment.get_execution_environment(configuration(folder))
    tables = StreamTableEnvironment.create(environment)
    tables.create_temporary_function("score", udf(function, result_type=DataTypes.BYTES(), func_type="pandas"))
    ends = f"'connector'='kafka','properties.bootstrap.servers'='{bootstrap}','value.format'='raw','key.format'='raw'"
    columns = "(k BYTES, v BYTES) WITH"
    fields = "'key.fields'='k','value.fields-include'='EXCEPT_KEY'"
    tables.execute_sql(
        f"CREATE TABLE s {columns} ({ends},{fields},'topic'='{source}','properties.group.id'='{group}',"
        "'scan.startup.mode'='earliest-offset')"
    )
    tables.execute_sql(
        f"CREATE TABLE o {columns} ({ends},{fields},'topic'='{sink}','sink.delivery-guarantee'='exactly-once',"
        f"'sink.transactional-id-prefix'='{group}','properties.transaction.timeout.ms'='600000','properties.linger.ms'='5',"
        "'properties.batch.size'='1048576','properties.compression.type'='lz4')"
    )
    tables.execute_sql("INSERT INTO o SELECT k, score(v) FROM s").wait()


def by_records(model: str, bootstrap: str, source: str, sink: str, group: str, folder: str) -> None:
    environment = StreamExecutionEnvironment.get_execution_environment(configuration(folder))
    records = (
        KafkaSource.builder()
        .set_bootstrap_servers(bootstrap)
        .set_topics(source)
        .set_group_id(group)
        .set_starting_offsets(KafkaOffsetsInitializer.earliest())
        .set_value_only_deserializer(SimpleStringSchema())
        .build()
    )
    outputs = (
        KafkaSink.builder()
        .set_bootstrap_servers(bootstrap)
        .set_record_serializer(
            KafkaRecordSerializationSchema.builder().set_topic(sink).set_value_serialization_schema(SimpleStringSchema()).build()
        )
        .set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .set_transactional_id_prefix(group)
        .set_property("transaction.timeout.ms", "600000")
        .set_property("linger.ms", "5")
        .set_property("batch.size", "1048576")
        .set_property("compression.type", "lz4")
        .build()
    )
    stream = environment.from_source(records, WatermarkStrategy.no_watermarks(), "source")
    stream.map(One(model), output_type=Types.STRING()).sink_to(outputs)
    environment.execute(group)


def main(kind: str, bootstrap: str, source: str, sink: str, group: str, model: str, folder: str) -> None:
    if kind == "map":
        by_records(model, bootstrap, source, sink, group, folder)
    else:
        by_columns(Empty() if kind == "empty" else Batch(model), bootstrap, source, sink, group, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
