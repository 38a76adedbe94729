"""Scoring inside somebody's own job: tables, streams and SQL, in real jobs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyflink.common import Types
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import DataTypes, StreamTableEnvironment, Table

import instream
from instream import flink
from instream.errors import SettingsInvalid
from instream.flink import sql as functions
from instream.stores import open_store
from instream.testing.models import Extras, linear, onnx_package

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

FILE = """
name = "own-jobs"
[model]
name = "delay"
store = "sqlite:///models.db"
"""
FEATURES = """
import pyarrow as pa
import pyarrow.compute as pc

def make(batch):
    rows = pc.indices_nonzero(pc.not_equal(batch.column("a"), 13.0))
    return batch.take(rows).append_column("__row", pc.cast(rows, pa.int32()))
"""
ROWS: Sequence[tuple[int, float | None, float, str | None]] = [
    *((n, n * 0.25, float(n), f"n{n}") for n in range(2_500)),
    (2**60 + 1, 1.0, -1.0, None),
    (5_001, None, 1.0, "no a"),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model y = 2a + 3b + 1 and a file with the scoring part alone."""
    folder = tmp_path_factory.mktemp("own")
    store = open_store(f"sqlite:///{folder}/models.db")
    store.put(onnx_package(folder, linear({"a": 2.0, "b": 3.0}, 1.0), extras=Extras()))
    (folder / "features.py").write_text(FEATURES)
    (folder / "scoring.toml").write_text(FILE)
    (folder / "filtering.toml").write_text(FILE + '[features]\nfunction = "features.py:make"\n[output]\nstamps = []\n')
    return folder / "scoring.toml"


@pytest.fixture(scope="module")
def tables() -> StreamTableEnvironment:
    """Somebody's environment, with a setting of their own."""
    environment = StreamExecutionEnvironment.get_execution_environment()
    environment.set_parallelism(2)
    made = StreamTableEnvironment.create(environment)
    made.get_config().set("python.fn-execution.arrow.batch.size", "700")
    return made


@pytest.fixture(scope="module")
def flights(tables: StreamTableEnvironment) -> Table:
    fields = [("id", DataTypes.BIGINT()), ("a", DataTypes.DOUBLE()), ("b", DataTypes.FLOAT()), ("name", DataTypes.STRING())]
    made = tables.from_elements(list(ROWS), DataTypes.ROW([DataTypes.FIELD(name, kind) for name, kind in fields]))
    tables.create_temporary_view("flights", made)
    return made


def collected(table: Table) -> list[list[Any]]:
    with table.execute().collect() as rows:
        return sorted(list(row) for row in rows)


def test_a_table_keeps_its_columns_and_gets_the_answers(file: Path, flights: Table, tables: StreamTableEnvironment) -> None:
    """Law 2: values as `instream.load` gives them; only the columns that the model reads go to Python; their settings stay."""
    scored = flink.score(flights, file)
    assert list(scored.get_resolved_schema().get_column_names()) == ["id", "a", "b", "name", "y", "version", "error"]
    plan = scored.explain().partition("== Optimized Physical Plan ==")[2]
    assert "PythonCalc(select=[id, a, b, name, score_own_jobs(a, b) AS" in plan
    assert plan.partition("== Optimized Execution Plan ==")[0].count("score_own_jobs(") == 1
    assert tables.get_config().get("python.fn-execution.arrow.batch.size", "") == "700"
    assert tables.get_config().get("python.fn-execution.bundle.size", "") == "10000"

    found = collected(scored)
    assert [row[:4] for row in found] == sorted(list(row) for row in ROWS)
    frame = pd.DataFrame({"a": [row[1] for row in found], "b": [row[2] for row in found]})
    with instream.load("delay", store=f"sqlite:///{file.parent}/models.db") as scorer:
        expected = scorer.score(frame)
    for row, y, error in zip(found, expected["y"], expected["error"], strict=True):
        if row[1] is None:
            assert row[4:] == [None, None, "null: a: expected float64, got null"]
            assert error is not None
        else:
            assert math.isclose(row[4], y, rel_tol=1e-6)
            assert row[5:] == [1, None]


def test_rows_that_the_feature_step_leaves_out(file: Path, flights: Table) -> None:
    """Filtered rows are not there; without stamps there is the output and the error alone."""
    scored = flink.score(flights, file.with_name("filtering.toml"))
    assert list(scored.get_resolved_schema().get_column_names())[4:] == ["y", "error"]
    found = {row[0] for row in collected(scored)}
    assert found == {row[0] for row in ROWS if row[1] != 13.0}


def test_a_stream_of_rows(file: Path, tables: StreamTableEnvironment, flights: Table) -> None:
    stream = flink.score(tables.to_data_stream(flights), str(file))
    named = stream.map(lambda row: (row["id"], row["y"], row["version"]), Types.PICKLED_BYTE_ARRAY())
    with named.execute_and_collect() as rows:
        found = {row[0]: row[1:] for row in rows}
    assert len(found) == len(ROWS)
    assert found[4] == (2 * 1.0 + 3 * 4.0 + 1, 1)
    assert found[2**60 + 1] == (0.0, 1)


def test_a_function_that_no_file_stands_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """pickle asks every module for the names that it looks for; and PyFlink shows what an AttributeError says."""
    monkeypatch.delenv("INSTREAM_PIPELINES", raising=False)
    assert not hasattr(functions, "delays")
    monkeypatch.setenv("INSTREAM_PIPELINES", str(tmp_path))
    with pytest.raises(AttributeError, match=r"delays\.toml; set INSTREAM_PIPELINES"):
        functions.delays  # noqa: B018


def test_a_function_of_sql(file: Path, tables: StreamTableEnvironment, flights: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered from Python, and by SQL alone; called once a row."""
    assert flink.register(tables, "score_delay", file.with_name("filtering.toml")) == ["a", "b"]
    monkeypatch.setenv("INSTREAM_PIPELINES", str(file.parent))
    tables.execute_sql("CREATE TEMPORARY FUNCTION score_sql AS 'instream.flink.sql.scoring' LANGUAGE PYTHON")
    asked = tables.sql_query(
        "SELECT id, s.y, s.error, t.y, t.version FROM "
        "(SELECT id, score_delay(a, CAST(b AS DOUBLE)) AS s, score_sql(a, CAST(b AS DOUBLE)) AS t FROM flights WHERE id < 100)"
    )
    plan = asked.explain().partition("== Optimized Physical Plan ==")[2].partition("== Optimized Execution Plan ==")[0]
    assert (plan.count("score_delay("), plan.count("score_sql(")) == (1, 1)
    found = {row[0]: row[1:] for row in collected(asked)}
    assert found[4] == [15.0, None, 15.0, 1]
    assert found[52] == [None, "filtered: the feature step leaves this row out", 183.0, 1]
    assert len(found) == 100


@pytest.mark.parametrize(
    ("sql", "phrase"),
    [
        ("SELECT id, a FROM flights", "the model reads a, b, and the table has no b, only id, a"),
        ("SELECT CAST(a AS STRING) AS a, b FROM flights", "reads a as float64, and the table's column a is VARCHAR"),
        ("SELECT a, b, 1 AS version FROM flights", "columns that scoring adds: version"),
    ],
)
def test_a_table_that_does_not_fit(file: Path, tables: StreamTableEnvironment, flights: Table, sql: str, phrase: str) -> None:
    with pytest.raises(SettingsInvalid, match=phrase):
        flink.score(tables.sql_query(sql), file)
