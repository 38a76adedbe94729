"""The laws on JSON and on columns, with and without a feature step; and on pipelines that are broken on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from instream.codecs import Decoded
from instream.features import from_reference
from instream.pipeline import Pipeline, pipeline_of
from instream.rows import ArrowRows
from instream.settings import Pipeline as Settings
from instream.testing.json_records import RECORD_BYTES_MAX, keyed_json
from instream.testing.linear import LinearPredictor
from instream.testing.pipelines import PipelineLaws

STEP = """
import pyarrow as pa
import pyarrow.compute as pc

def make(batch):
    if "sé6" in batch.column("s").to_pylist():
        raise ValueError("six")
    rows = [row for row, n in enumerate(batch.column("n").to_pylist()) if n != 7]
    kept = batch.take(pa.array(rows, pa.int64()))
    return pa.RecordBatch.from_arrays(
        [pc.add(kept.column("x"), 0.5), kept.column("n"), pa.array(rows, pa.int32())], names=["x", "n", "__row"]
    )
"""


def settings_of(folder: Path, fields: dict[str, Any]) -> Settings:
    return Settings.model_validate(
        {
            "name": "delays",
            "model": {"name": "delay"},
            "output": {"echo": ["id"]},
            "source": {"url": "-", "fields": fields},
            "limits": {"record_bytes": RECORD_BYTES_MAX},
            "folder": folder,
        }
    )


FIELDS: dict[str, Any] = {"x": "x", "n": "/n", "s": {"at": "s", "type": "string", "nullable": True}}


def json_values() -> list[bytes | None]:
    """Every kind of bad record, and x beyond 900 both ways."""
    values = keyed_json(300)
    values[10:10] = [b'{"id": "high%d", "x": 950.5}' % i for i in range(5)]
    values[200:200] = [b'{"id": "low%d", "x": -950.5, "n": 1}' % i for i in range(5)]
    return values


class TestJson(PipelineLaws):
    @pytest.fixture
    def pipeline(self, predictor: LinearPredictor, tmp_path: Path) -> Pipeline:
        return pipeline_of(settings_of(tmp_path, FIELDS), predictor, None, "json", "json")

    @pytest.fixture
    def values(self) -> Sequence[bytes | None]:
        return json_values()


class TestJsonWithFeatures(PipelineLaws):
    @pytest.fixture
    def pipeline(self, predictor: LinearPredictor, tmp_path: Path) -> Pipeline:
        (tmp_path / "step.py").write_text(STEP)
        return pipeline_of(settings_of(tmp_path, FIELDS), predictor, from_reference("step.py:make", tmp_path), "json", "json")

    @pytest.fixture
    def values(self) -> Sequence[bytes | None]:
        return json_values()


class TestJsonToColumns(PipelineLaws):
    @pytest.fixture
    def pipeline(self, predictor: LinearPredictor, tmp_path: Path) -> Pipeline:
        fields = FIELDS | {"key": {"at": "/id", "type": "string", "nullable": True}}
        return pipeline_of(settings_of(tmp_path, fields), predictor, None, "json", "arrow")

    @pytest.fixture
    def values(self) -> Sequence[bytes | None]:
        return json_values()


class TestColumns(PipelineLaws):
    @pytest.fixture
    def pipeline(self, predictor: LinearPredictor, tmp_path: Path) -> Pipeline:
        return pipeline_of(settings_of(tmp_path, {}), predictor, None, "arrow", "arrow")

    @pytest.fixture
    def values(self) -> Sequence[bytes | None]:
        x = [None if i % 17 == 0 else 2.5 * i - 400 if i < 280 else 950.0 if i % 2 else -950.0 for i in range(300)]
        n = [2**40 if i % 23 == 0 else None if i % 5 == 0 else i % 9 for i in range(300)]
        return ArrowRows(pa.RecordBatch.from_pydict({"id": pa.array(range(300)), "x": pa.array(x), "n": pa.array(n)}))


class TestColumnsToJson(TestColumns):
    @pytest.fixture
    def pipeline(self, predictor: LinearPredictor, tmp_path: Path) -> Pipeline:
        return pipeline_of(settings_of(tmp_path, {}), predictor, None, "arrow", "json")


class Shifting:
    """Decodes well, then puts two neighbours' rows in each other's place where any record of the batch is bad."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def decode(self, values: Sequence[bytes | None]) -> Decoded:
        decoded: Decoded = self._inner.decode(values)
        if not len(decoded.failures) or decoded.batch.num_rows < 2:
            return decoded
        order = pa.array([1, 0, *range(2, decoded.batch.num_rows)])
        return replace(decoded, batch=decoded.batch.take(order))


class Losing(Shifting):
    """Loses the last row of a batch with a bad record."""

    def decode(self, values: Sequence[bytes | None]) -> Decoded:
        decoded: Decoded = self._inner.decode(values)
        if not len(decoded.failures) or not decoded.batch.num_rows:
            return decoded
        last = decoded.batch.num_rows - 1
        return Decoded(decoded.batch.slice(0, last), decoded.rows[:last], decoded.failures, [column[:last] for column in decoded.echo])


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (Shifting, "test_no_neighbour_changes_a_record"),
        (Losing, "test_each_record_has_one_fate"),
        (Losing, "test_no_neighbour_changes_a_record"),
    ],
)
def test_the_laws_find_a_broken_pipeline(broken: type[Shifting], law: str, tmp_path: Path) -> None:
    pipeline = pipeline_of(settings_of(tmp_path, FIELDS), LinearPredictor(), None, "json", "json")
    with pytest.raises(AssertionError):
        getattr(PipelineLaws(), law)(replace(pipeline, decoder=broken(pipeline.decoder)), json_values())
    with pytest.raises(AssertionError):
        PipelineLaws().test_any_cut_gives_the_same(replace(pipeline, decoder=broken(pipeline.decoder)), json_values(), 1)
