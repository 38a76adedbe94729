from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instream.compare import compare, worst
from instream.package import Tolerance

NONE: dict[str, Tolerance] = {}


def batch(**columns: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    )


def lists(*rows: list[float]) -> pa.Array:
    return pa.array(rows, pa.list_(pa.float64(), len(rows[0])))


def test_the_worst_value_is_named() -> None:
    found = worst(batch(delay=[1.0, 14.25, 3.0]), batch(delay=[1.0, 14.31, 3.0001]), {"delay": Tolerance(1e-5, 1e-5)})
    assert found is not None
    assert (found.row, found.output, found.expected, found.got) == (1, "delay", 14.25, 14.31)
    assert found.allowed == pytest.approx(1e-5 + 1e-5 * 14.25)
    assert str(found) == "row 1, delay: expected 14.25, got 14.31, allowed 0.000153"


def test_the_tolerance_is_the_originals() -> None:
    """|a-b| <= atol + rtol * |b|, b the original's: not symmetric."""
    tolerance = {"x": Tolerance(0, 0.1)}
    assert worst(batch(x=[10.0]), batch(x=[11.0]), tolerance) is None
    assert worst(batch(x=[10.0]), batch(x=[11.1]), tolerance) is not None
    assert worst(batch(x=[11.1]), batch(x=[10.0]), tolerance) is None


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20))
def test_a_batch_equals_itself(values: list[float]) -> None:
    """NaN equals NaN, an infinity itself."""
    assert compare(batch(x=values), batch(x=values), {"x": Tolerance(0, 0)}).error == 0
    assert worst(batch(x=values), batch(x=values), {"x": Tolerance(0, 0)}) is None


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(1e-9, 1), st.floats(1e-9, 1))
def test_numbers_as_by_the_formula(original: float, got: float, atol: float, rtol: float) -> None:
    found = compare(batch(x=[original]), batch(x=[got]), {"x": Tolerance(atol, rtol)})
    assert (found.worst is None) == (abs(got - original) <= atol + rtol * abs(original) or got == original)
    assert found.error == abs(got - original)


@pytest.mark.parametrize(("one", "other"), [(1.0, math.nan), (math.nan, 1.0), (1.0, math.inf), (math.inf, -math.inf), (1.0, None)])
def test_what_is_not_finite_on_one_side_only(one: float, other: float | None) -> None:
    found = compare(batch(x=[one]), batch(x=pa.array([other], pa.float64())), {"x": Tolerance(1e9, 1e9)})
    assert found.worst is not None
    assert found.error == math.inf


def test_lists_by_their_worst_place() -> None:
    found = compare(batch(p=lists([0.1, 0.9], [0.5, 0.5])), batch(p=lists([0.1, 0.9], [0.5, 0.75])), NONE)
    assert found.worst is not None
    assert found.worst.row == 1
    assert found.error == 0.25
    assert found.excess.tolist()[0] == 0


def test_labels_must_be_the_same() -> None:
    found = worst(batch(label=["a", "b"]), batch(label=["a", "c"]), NONE)
    assert found is not None
    assert (found.row, found.expected, found.got) == (1, "b", "c")


def test_labels_may_differ_where_the_original_could_hardly_tell() -> None:
    tied = lists([0.499999, 0.500001, 0.0], [0.6, 0.4, 0.0])
    original = batch(label=["b", "a"], probabilities=tied)
    assert worst(original, batch(label=["a", "a"], probabilities=tied), NONE) is None
    assert worst(original, batch(label=["b", "b"], probabilities=tied), NONE) is not None


def test_labels_may_differ_at_the_border_of_a_score() -> None:
    original = batch(label=[1, 1], score=[1e-6, 0.2])
    assert worst(original, batch(label=[-1, 1], score=[-1e-6, 0.2]), NONE) is None
    assert worst(original, batch(label=[1, -1], score=[1e-6, 0.2]), NONE) is not None


def test_a_missing_label_is_another() -> None:
    assert worst(batch(label=["a", None]), batch(label=["a", None]), NONE) is None
    assert worst(batch(label=["a", "b"]), batch(label=["a", None]), NONE) is not None


def test_batches_that_cannot_be_compared() -> None:
    for original, got in (
        (batch(x=[1.0]), batch(y=[1.0])),
        (batch(x=[1.0]), batch(x=[1.0, 2.0])),
        (batch(x=[1]), batch(x=["1"])),
        (batch(x=[1.0]), batch(x=lists([1.0, 2.0]))),
    ):
        with pytest.raises(ValueError, match="cannot compare"):
            worst(original, got, NONE)


def test_no_rows() -> None:
    empty = batch(x=pa.array([], pa.float64()), label=pa.array([], pa.string()))
    assert worst(empty, empty, NONE) is None
