from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from instream.errors import InvalidRows
from instream.failures import Code
from instream.scoring.columns import columns_of, way_back

REQUIRES = pa.schema([pa.field("delay", pa.float64(), nullable=True), pa.field("origin", pa.string(), nullable=False)])
DICTS = [{"delay": 3, "origin": "JFK", "more": 1}, {"delay": None, "origin": "LGA"}]
FRAME = pd.DataFrame({"origin": ["JFK", "LGA"], "delay": [3.0, float("nan")]}, index=[7, 9])


@pytest.mark.parametrize(
    "rows",
    [DICTS, FRAME, FRAME.astype({"origin": "category"}), pa.Table.from_pandas(FRAME), pa.Table.from_pandas(FRAME).to_batches()[0]],
    ids=["dicts", "frame", "categories", "table", "batch"],
)
def test_every_form_gives_the_same_columns(rows: Any) -> None:
    batch, nulls = columns_of(rows, REQUIRES)
    assert batch.to_pydict() == {"delay": [3.0, None], "origin": ["JFK", "LGA"]}
    assert len(nulls) == 0


def test_answers_go_back_in_the_same_form() -> None:
    answer = pa.RecordBatch.from_pydict({"y": [1.0, 2.0]})
    assert way_back(DICTS)(answer) == [{"y": 1.0}, {"y": 2.0}]
    assert way_back(FRAME)(answer).index.tolist() == [7, 9]
    assert isinstance(way_back(pa.Table.from_pandas(FRAME))(answer), pa.Table)
    assert way_back(answer)(answer) is answer


def test_a_null_where_none_may_be_fails_its_row_only() -> None:
    _, nulls = columns_of([{"origin": "JFK"}, {"delay": 1.0}, {"origin": None}], REQUIRES)
    assert nulls.rows.tolist() == [1, 2]
    assert set(nulls.codes) == {Code.NULL}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (pd.DataFrame({"delay": [1.0]}), "origin"),
        (pd.DataFrame({"delay": [1.0], "origin": [3]}), "origin: expected string"),
        (pd.DataFrame({"delay": ["late"], "origin": ["JFK"]}), "delay: expected double"),
        ([{"delay": "late", "origin": "JFK"}], "delay: expected double"),
        (7, "int cannot be scored"),
        (["JFK"], "list cannot be scored"),
    ],
)
def test_what_cannot_be_used_is_named(rows: Any, said: str) -> None:
    with pytest.raises(InvalidRows, match=said):
        columns_of(rows, REQUIRES)
