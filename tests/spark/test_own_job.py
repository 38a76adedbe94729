"""Inside a job of somebody's own: DataFrames and SQL give what `instream.load` gives."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

import instream
from instream.errors import InvalidRows
from instream.head import Revision
from instream.package import Version
from instream.spark import Pin, pins, register, score
from instream.spark.pinlog import Pins
from instream.stores import open_store
from instream.stores.promotion import promote
from instream.testing.models import Extras, linear, linear_package, onnx_package, reciprocal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FILE = """
name = "own"
model = {{ name = "delay", store = "{store}" }}
{more}
"""
STEP = """
import pyarrow as pa

def step(batch):
    rows = pa.array([at for at, x in enumerate(batch.column("raw").to_pylist()) if x != 3.0], pa.int32())
    kept = batch.take(rows)
    return pa.RecordBatch.from_arrays([kept.column("raw"), rows], names=["x", "__row"])
"""


def pin(head: int, version: int) -> Pin:
    return Pin(Revision(head), Version(version))


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    options = {"spark.ui.enabled": "false", "spark.driver.memory": "700m", "spark.sql.shuffle.partitions": "2"}
    builder = SparkSession.builder.master("local[2]").config(map=options)
    made = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", 300).getOrCreate()
    made.sparkContext.setLogLevel("ERROR")
    yield made
    made.stop()


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/models.db"


def file(folder: Path, store: str, more: str = "") -> Path:
    path = folder / "pipeline.toml"
    path.write_text(FILE.format(store=store, more=more))
    return path


def flights(spark: SparkSession, rows: int = 1_000) -> DataFrame:
    return spark.range(rows, numPartitions=3).selectExpr("id", "cast(id % 40 as double) as x", "concat('flight ', id) as name")


def test_a_batch_frame_has_what_the_scorer_gives(spark: SparkSession, tmp_path: Path, store: str) -> None:
    """Columns, values, stamps and errors, null inputs and values that are not finite among them."""
    open_store(store).put(onnx_package(tmp_path, reciprocal(), extras=Extras(golden_error=0)))
    rows = flights(spark).selectExpr("id", "case when id % 7 = 0 then null else x end as x", "name")
    scored = score(rows, file(tmp_path, store))
    assert scored.columns == ["id", "x", "name", "y", "version", "error"]
    found = scored.orderBy("id").toPandas()
    with instream.load("delay@champion", store=store) as scorer:
        expected = scorer.score(rows.orderBy("id").toPandas()[["x"]])
    assert len(found) == 1_000
    assert found["y"].fillna(-1).tolist() == expected["y"].fillna(-1).tolist()
    good = found["error"].isna()
    assert good.tolist() == expected["error"].isna().tolist()
    assert 0 < good.sum() < 1_000
    assert set(found["version"][good]) == {1}
    assert found["error"][~good].str.contains(r"^\w+: ").all()


def test_a_feature_step_filters_and_other_columns_stay(spark: SparkSession, tmp_path: Path, store: str) -> None:
    open_store(store).put(linear_package(tmp_path, 2.0))
    (tmp_path / "step.py").write_text(STEP)
    fields = '[features]\nfunction = "step.py:step"\n[source]\nurl = "-"\n[source.fields]\nraw = { at = "x", type = "float64" }'
    found = score(flights(spark, 100), file(tmp_path, store, fields)).collect()
    assert len(found) == 97
    assert all(row.y == 2 * row.x and row.x != 3 and row.name == f"flight {row.id}" for row in found)


def test_sql_by_name_and_by_position(spark: SparkSession, tmp_path: Path, store: str) -> None:
    package = onnx_package(tmp_path, linear({"x": 2.0, "z": 10.0}))
    open_store(store).put(package)
    register(spark, "score_delay", file(tmp_path, store))
    flights(spark, 50).selectExpr("*", "x + 1 as z").createOrReplaceTempView("flights")
    by_name = spark.sql("SELECT id, score_delay(struct(*)).y AS y, x FROM flights ORDER BY id").collect()
    by_position = spark.sql("SELECT id, score_delay(x, z) AS s, x FROM flights WHERE score_delay(x, z).y > 100 ORDER BY id").collect()
    assert [row.y for row in by_name] == [2 * row.x + 10 * (row.x + 1) for row in by_name]
    assert [row.s.y for row in by_position] == [row.y for row in by_name if row.y > 100]
    assert {(row.s.version, row.s.error) for row in by_position} == {(1, None)}
    with pytest.raises(Exception, match="1 arguments given, expected 2: x, z"):
        spark.sql("SELECT score_delay(x) FROM flights").collect()


def test_columns_that_do_not_fit_are_said(spark: SparkSession, tmp_path: Path, store: str) -> None:
    open_store(store).put(linear_package(tmp_path, 2.0))
    path = file(tmp_path, store)
    with pytest.raises(InvalidRows, match="reads x, and the DataFrame has id"):
        score(spark.range(3), path)
    with pytest.raises(InvalidRows, match="gives y, which the DataFrame has already"):
        score(flights(spark).selectExpr("x", "1 as Y"), path)


def test_a_stream_is_scored_and_a_pinned_batch_keeps_its_version(spark: SparkSession, tmp_path: Path, store: str) -> None:
    """Plain streaming follows the head; in foreachBatch a pin holds the version for every try of a batch."""
    opened = open_store(store)
    opened.put(linear_package(tmp_path, 2.0))
    path = file(tmp_path, store)
    flights(spark, 60).select("id", "x").write.parquet(str(tmp_path / "in"))
    stream = spark.readStream.schema("id long, x double").parquet(str(tmp_path / "in"))
    written = score(stream, path).writeStream.format("parquet").option("checkpointLocation", str(tmp_path / "query"))
    written.option("path", str(tmp_path / "out")).trigger(availableNow=True).start().awaitTermination()
    rows = spark.read.parquet(str(tmp_path / "out")).collect()
    assert len(rows) == 60
    assert all(row.y == 2 * row.x and row.version == 1 for row in rows)

    batch = flights(spark, 60)
    with pins(spark, str(tmp_path / "pins"), path) as log:
        first = log.of(0)
        before = score(batch, path, pin=first).collect()
        promote(opened, "delay", opened.put(linear_package(tmp_path, 3.0)), by="test")
        unpinned = score(batch, path)
        while score(batch, path).first().version != 2:
            pass
        assert score(batch, path, pin=log.of(0)).collect() == before
        assert {row.version for row in score(batch, path, pin=log.of(1)).collect()} == {2}
    assert {row.version for row in unpinned.collect()} == {1}  # a frame keeps the version of when it was made
    with pins(spark, str(tmp_path / "pins"), path) as log:  # as the next process has it
        assert log.of(0) == first == pin(1, 1)
        assert log.of(1) == pin(2, 2)


def test_old_pins_are_removed_and_none_is_written_over(spark: SparkSession, tmp_path: Path) -> None:
    log = Pins(spark, str(tmp_path / "pins"))
    for batch in range(111):
        assert log.pin(batch, pin(1, 1)) == pin(1, 1)
    assert log.pin(110, pin(2, 2)) == pin(1, 1)
    assert log.of(9) is None
    assert log.of(10) == pin(1, 1)
