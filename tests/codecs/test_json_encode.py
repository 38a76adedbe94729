from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instream.codecs import echo_of, encoder
from instream.errors import SettingsInvalid


def written(columns: dict[str, pa.Array], echo: dict[str, Sequence[bytes]] | None = None) -> list[bytes]:
    batch, texts = pa.RecordBatch.from_pydict(columns), echo or {}
    made = encoder("json", [echo_of(name) for name in texts], batch.schema)
    values = made.encode([[msgspec.Raw(text) for text in column] for column in texts.values()], batch)
    return [value for value in values if value is not None]


def test_echo_comes_first_as_it_stands_then_the_columns_by_name() -> None:
    values = written({"delay": pa.array([1.5, 2.0]), "version": pa.array([3, 3], pa.int32())}, {"id": [b'"a"', b"1.500e0"]})
    assert values == [b'{"id":"a","delay":1.5,"version":3}', b'{"id":1.500e0,"delay":2.0,"version":3}']


def test_what_json_cannot_say_is_null() -> None:
    assert written({"x": pa.array([math.nan, math.inf, -math.inf, None])}) == [b'{"x":null}'] * 4
    assert written({"p": pa.array([[math.nan, 0.5]], pa.list_(pa.float32(), 2))}) == [b'{"p":[null,0.5]}']


def test_an_echo_over_several_lines_becomes_one() -> None:
    """A record is a line in a file, wherever its producer broke its own."""
    (value, other) = written({"x": pa.array([1, 2])}, {"a": [b'{\n  "b": [1,\r\n 2.50], "c": "d\\n e"\n}', b"7"]})
    assert value == b'{"a":{"b":[1,2.50],"c":"d\\n e"},"x":1}'
    assert other == b'{"a":7,"x":2}'


def test_texts_are_escaped() -> None:
    assert written({"s": pa.array(['"\\\n\x00é😀', None])}) == ['{"s":"\\"\\\\\\n\\u0000é😀"}'.encode(), b'{"s":null}']


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([True, False, None]), [b"true", b"false", b"null"]),
        (pa.array([2**64 - 1, 0, None], pa.uint64()), [b"18446744073709551615", b"0", b"null"]),
        (pa.array([-(2**63), 2**63 - 1], pa.int64()), [b"-9223372036854775808", b"9223372036854775807"]),
        (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), [b"[1,2]", b"null"]),
        (pa.array([["a"], []], pa.list_(pa.string())), [b'["a"]', b"[]"]),
        (pa.array(["x", "y"]).dictionary_encode(), [b'"x"', b'"y"']),
        (pa.array([0.1, 16777216], pa.float32()), [b"0.10000000149011612", b"16777216.0"]),
        (pa.array([], pa.float64()), []),
    ],
)
def test_each_type_is_written(column: pa.Array, texts: list[bytes]) -> None:
    assert written({"x": column}) == [b'{"x":%b}' % text for text in texts]


def test_any_name_that_json_can_write_plainly_is_a_name() -> None:
    assert written({"é f-1.$": pa.array([1])}, {"class": [b"2"]}) == ['{"class":2,"é f-1.$":1}'.encode()]


@pytest.mark.parametrize(("names", "echo"), [(["x", "x"], []), (["x"], ["/a/x"]), (['x"y'], []), (["x\\"], [])])
def test_a_name_that_would_stand_twice_or_needs_escapes_is_refused(names: list[str], echo: list[str]) -> None:
    with pytest.raises(SettingsInvalid, match="output"):
        encoder("json", [echo_of(pointer) for pointer in echo], pa.schema([(name, pa.int8()) for name in names]))


quick = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
rows = st.lists(
    st.tuples(
        st.floats(), st.floats(width=32), st.integers(-(2**63), 2**63 - 1), st.text(), st.booleans(), st.one_of(st.none(), st.text())
    ),
    max_size=20,
)


@quick
@given(rows)
def test_any_batch_reads_back_by_plain_python(given_rows: list[tuple[Any, ...]]) -> None:
    """Property: json.loads gives each value back exactly, floats to the last bit, and a line has no line end."""
    columns = list(zip(*given_rows, strict=True)) or [()] * 6
    kinds = [pa.float64(), pa.float32(), pa.int64(), pa.string(), pa.bool_(), pa.string()]
    batch = {f"c{i}": pa.array(list(values), kind) for i, (values, kind) in enumerate(zip(columns, kinds, strict=True))}
    echo = [msgspec.json.encode(row[5]) for row in given_rows]
    lines = written(batch, {"id": echo})
    assert all(b"\n" not in line and b"\r" not in line for line in lines)
    for line, row in zip(lines, given_rows, strict=True):
        read = json.loads(line)
        assert list(read) == ["id", "c0", "c1", "c2", "c3", "c4", "c5"]
        assert [_bits(read["c0"]), _bits(read["c1"])] == [_bits(_finite(row[0])), _bits(_finite(row[1]))]
        assert [read["id"], *(read[f"c{i}"] for i in range(2, 6))] == [row[5], *row[2:]]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _bits(value: float | None) -> bytes | None:
    return None if value is None else struct.pack("d", value)
