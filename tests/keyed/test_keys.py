"""Keys of a batch: none is lost, none merged."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instream.errors import InvalidRows
from instream.keyed.keys import KeyColumns

TYPES = {"string": st.text(max_size=4), "int64": st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2), "bool": st.booleans()}


@st.composite
def batches(draw: Any) -> tuple[list[pa.Array], list[tuple[Any, ...]]]:
    kinds = draw(st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=4))
    rows = draw(st.lists(st.tuples(*(st.none() | TYPES[kind] for kind in kinds)), min_size=1, max_size=30))
    arrays = [pa.array([row[at] for row in rows], pa.type_for_alias(kind)) for at, kind in enumerate(kinds)]
    return arrays, rows


@given(batches())
def test_each_row_has_its_own_key(batch: tuple[list[pa.Array], list[tuple[Any, ...]]]) -> None:
    arrays, rows = batch
    columns = KeyColumns([array.type for array in arrays])
    keys, codes = columns.distinct(arrays)
    found = [keys[code] if len(arrays) > 1 else (keys[code],) for code in codes.tolist()]
    assert [[(type(part), part) for part in key] for key in found] == [[(type(part), part) for part in row] for row in rows]
    assert len({columns.text(key) for key in keys}) == len(keys)
    assert [columns.read(columns.text(key)) for key in keys] == keys


def test_keys_of_other_types_are_not_read() -> None:
    assert KeyColumns([pa.int64()]).read("i:1") == 1
    assert KeyColumns([pa.int64()]).read("b:1") is None
    assert KeyColumns([pa.int64()]).read("s:1") is None
    assert KeyColumns([pa.int64()]).read("i:1|i:2") is None
    assert KeyColumns([pa.int64(), pa.string()]).read("i:1") == (1,)
    assert KeyColumns([pa.int64()]).read("nonsense") is None


def test_fewer_columns() -> None:
    columns = KeyColumns([pa.string(), pa.string()])
    assert columns.shorter(("JFK", "LAX")) == ("JFK",)
    assert columns.shorter(("JFK",)) is None
    assert KeyColumns([pa.string()]).shorter("JFK") is None


def test_what_cannot_be_a_key() -> None:
    with pytest.raises(InvalidRows, match="double cannot be part of a key"):
        KeyColumns([pa.float64()])
