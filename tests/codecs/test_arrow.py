from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from instream.codecs import Decoder, Encoder, Field, decoder, echo_of, encoder
from instream.errors import SourceFailed
from instream.failures import Code
from instream.rows import ArrowRows
from instream.testing.codecs import CodecLaws
from instream.testing.json_records import ECHO, FIELDS, RECORD_BYTES_MAX


def keyed_rows(count: int = 300) -> ArrowRows:
    """Rows of a Parquet file, every kind of bad one among them."""
    x: list[float | None] = [i / 7 for i in range(count)]
    n: list[int | None] = [i % 11 - 5 for i in range(count)]
    v: list[list[float | None] | None] = [[i / 3, 2.5] for i in range(count)]
    present = [True] * count
    for i in range(0, count, 20):
        x[i], x[i + 1], x[i + 2] = None, math.nan, math.inf
        n[i + 3], n[i + 4] = 2**40, None
        v[i + 5], v[i + 6], v[i + 7], v[i + 8] = None, [1.0], [1.0, None], [1.0, 1e300]
        present[i + 9] = False
    batch = pa.RecordBatch.from_pydict(
        {
            "id": pa.array(range(count)),
            "unused": pa.array([None] * count),
            "x": pa.array(x),
            "n": pa.array(n, pa.int64()),
            "s": pa.array([f"s{i % 5}" for i in range(count)]).dictionary_encode(),
            "deep": pa.StructArray.from_arrays([pa.array(v, pa.list_(pa.float64()))], names=["v"]),
        }
    )
    return ArrowRows(batch, present)


class TestArrow(CodecLaws):
    @pytest.fixture
    def values(self) -> Sequence[bytes | None]:
        return keyed_rows()

    @pytest.fixture
    def decoder(self) -> Decoder:
        return decoder("arrow", FIELDS, ECHO, RECORD_BYTES_MAX)

    @pytest.fixture
    def encoder(self) -> Encoder:
        return encoder("arrow", ECHO, pa.schema([pa.field(field.name, field.type) for field in FIELDS]))

    def reread(self, written: Sequence[bytes | None]) -> list[dict[str, Any]]:
        assert isinstance(written, ArrowRows)
        assert written.batch.schema.names == ["id", *(field.name for field in FIELDS)]
        return written.batch.select([field.name for field in FIELDS]).to_pylist()  # type: ignore[no-any-return]


def test_each_kind_of_row_gets_its_code() -> None:
    decoded = decoder("arrow", FIELDS, ECHO, RECORD_BYTES_MAX).decode(keyed_rows(20))
    assert dict(zip(decoded.failures.rows.tolist(), decoded.failures.codes, strict=True)) == {
        0: Code.NULL,
        1: Code.OUT_OF_RANGE,
        2: Code.OUT_OF_RANGE,
        3: Code.OUT_OF_RANGE,
        5: Code.NULL,
        6: Code.OUT_OF_RANGE,
        7: Code.OUT_OF_RANGE,
        8: Code.OUT_OF_RANGE,
        9: Code.EMPTY,
    }
    assert decoded.failures.messages[1] == "x: expected float64, got NaN"
    assert pa.array(decoded.echo[0]).to_pylist() == [4, *range(10, 20)]


def test_nan_in_a_nullable_column_is_null_and_infinity_is_not() -> None:
    batch = pa.RecordBatch.from_pydict({"x": pa.array([1.0, math.nan, None, math.inf])})
    decoded = decoder("arrow", [Field("x", "x", pa.float64(), nullable=True)], [], 1).decode(ArrowRows(batch))
    assert decoded.batch.column("x").to_pylist() == [1.0, None, None]
    assert decoded.failures.rows.tolist() == [3]


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        (pa.array([1, 2], pa.int64()), pa.float64(), [1.0, 2.0]),
        (pa.array([2**60 + 1], pa.int64()), pa.float64(), [float(2**60)]),
        (pa.array([0.1], pa.float64()), pa.float32(), [0.10000000149011612]),
        (pa.array([7], pa.int8()), pa.uint64(), [7]),
        (pa.array(["a"], pa.large_string()), pa.string(), ["a"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), pa.string(), ["a", "b", "a"]),
        (pa.array([True]), pa.bool_(), [True]),
        (pa.array([[1, 2]], pa.list_(pa.int64())), pa.list_(pa.float32(), 2), [[1.0, 2.0]]),
        (pa.array([[1.0, 2.0]], pa.list_(pa.float64(), 2)), pa.list_(pa.float64(), 2), [[1.0, 2.0]]),
        (pa.nulls(2), pa.float64(), [None, None]),
    ],
)
def test_what_json_allows_is_allowed(column: pa.Array, kind: pa.DataType, values: list[Any]) -> None:
    rows = ArrowRows(pa.RecordBatch.from_arrays([column], names=["c"]))
    decoded = decoder("arrow", [Field("c", "/c", kind, nullable=True)], [], 1).decode(rows)
    assert decoded.batch.column("c").type == kind
    assert decoded.batch.column("c").to_pylist() == values
    assert len(decoded.failures) == 0


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1.0]), pa.int64()),
        (pa.array(["1"]), pa.float64()),
        (pa.array([1]), pa.string()),
        (pa.array([True]), pa.float64()),
        (pa.array([1.0]), pa.list_(pa.float64(), 1)),
        (pa.array([["a"]]), pa.list_(pa.float64(), 1)),
    ],
)
def test_a_column_of_another_kind_stops_the_source(column: pa.Array, kind: pa.DataType) -> None:
    rows = ArrowRows(pa.RecordBatch.from_arrays([column], names=["c"]))
    with pytest.raises(SourceFailed, match=r"c: expected .*, the source's column is"):
        decoder("arrow", [Field("c", "c", kind)], [], 1).decode(rows)


def test_a_missing_column_is_named_with_those_that_are_there() -> None:
    rows = keyed_rows(20)
    with pytest.raises(SourceFailed, match="y: the source has no column y; it has id, unused, x, n, s, deep"):
        decoder("arrow", [Field("y", "y", pa.float64())], [], 1).decode(rows)
    with pytest.raises(SourceFailed, match=r"w \(/deep/w\): the source's column deep is struct<.*> and has no field w"):
        decoder("arrow", [], [echo_of("/deep/w")], 1).decode(rows)
    with pytest.raises(SourceFailed, match="texts"):
        decoder("arrow", [Field("x", "x", pa.float64())], [], 1).decode([b"{}"])


def test_columns_can_be_written_as_json_and_a_slice_is_no_trap() -> None:
    rows = ArrowRows(keyed_rows(40).batch.slice(30, 10))
    decoded = decoder("arrow", FIELDS, ECHO, 1).decode(rows)
    values = encoder("json", ECHO, decoded.batch.schema).encode(decoded.echo, decoded.batch)
    assert values[0] == b'{"id":30,"x":4.285714285714286,"n":3,"s":"s0","v":[10.0,2.5]}'
    assert len(values) == 10
