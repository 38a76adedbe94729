"""Rows that a model cannot take or answer, for every kind of column."""

import math
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from instream.failures import Code
from instream.live.outputs import outputs_of, spread
from instream.live.plain import PlainModel
from instream.signature import Field, Signature


class Scripted:
    """A loaded model whose answer is a function of its input batch."""

    nbytes = 0

    def __init__(self, input: Field, output: Field, answer: Callable[[pa.RecordBatch], pa.Array]) -> None:
        self.signature = Signature((input,), (output,))
        self._answer = answer

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays([self._answer(batch)], schema=self.signature.produces)


def same(batch: pa.RecordBatch) -> pa.Array:
    return batch.column(0)


def batch_of(field: Field, values: list[object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values, field.arrow.type)], names=[field.name])


@pytest.mark.parametrize(
    ("kind", "values", "codes"),
    [
        ("float64", [1.0, None, math.nan, math.inf], {1: Code.NULL, 2: Code.NOT_FINITE, 3: Code.NOT_FINITE}),
        (
            "float32[2]",
            [[1, 2], None, [1, None], [math.nan, 2], [3, -math.inf]],
            {1: Code.NULL, 2: Code.NULL, 3: Code.NOT_FINITE, 4: Code.NOT_FINITE},
        ),
        ("string", ["a", None, "b"], {1: Code.NULL}),
        ("int64", [1, None, 2], {1: Code.NULL}),
        ("int64[2]", [[1, 2], [3, None]], {1: Code.NULL}),
    ],
)
def test_null_and_not_finite(kind: str, values: list[object], codes: dict[int, Code]) -> None:
    """Law 1: one output or one failure for each row, whatever the type."""
    field = Field("x", kind)
    model = Scripted(field, Field("y", kind), same)
    outputs, failures = outputs_of(PlainModel(model, "delay@1"), batch_of(field, values))
    assert dict(zip(failures.rows.tolist(), failures.codes, strict=True)) == codes
    assert outputs.column("y").to_pylist() == [None if row in codes else value for row, value in enumerate(values)]


@pytest.mark.parametrize("kind", ["float64", "float32[2]", "string"])
def test_null_outputs_where_none_may_be(kind: str) -> None:
    field = Field("x", "int64")
    value: object = {"float64": 1.0, "float32[2]": [1.0, 2.0], "string": "a"}[kind]
    model = Scripted(
        field,
        Field("y", kind),
        lambda batch: pa.array([None if x == 0 else value for x in batch.column(0).to_pylist()], Field("y", kind).arrow.type),
    )
    outputs, failures = outputs_of(PlainModel(model, "delay@1"), batch_of(field, [1, 0, 2]))
    assert failures.rows.tolist() == [1]
    assert outputs.column("y").to_pylist() == [value, None, value]


def test_an_error_says_who_and_why_in_few_words() -> None:
    def refuse(batch: pa.RecordBatch) -> pa.Array:
        raise ValueError("x" * 10_000)

    field = Field("x", "int64")
    outputs, failures = outputs_of(PlainModel(Scripted(field, field, refuse), "delay@3"), batch_of(field, [1, 2]))
    assert list(failures.codes) == [Code.SCORE, Code.SCORE]
    assert failures.messages[0].startswith("delay@3: ValueError: xxx")
    assert len(failures.messages[0]) == 500
    assert outputs.column("x").to_pylist() == [None, None]


def test_spread_puts_rows_in_their_places() -> None:
    batch = pa.RecordBatch.from_pydict({"y": [1.0, 2.0]})
    assert spread(batch, np.array([1, 3], np.int32), 5).column("y").to_pylist() == [None, 1.0, None, 2.0, None]
