"""What a feature step promises, whatever its function does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instream.errors import FeaturesInvalid
from instream.failures import Code
from instream.features import FeatureStep


def step(function: Callable[[pa.RecordBatch], Any]) -> FeatureStep:
    return FeatureStep(function, name="features.py:make", digest="d")


def numbers(*values: float | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"x": pa.array(values, pa.float64())})


def doubled(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"y": pc.multiply(batch.column("x"), 2.0)})


def no_negatives(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Raises where x is negative, leaves out where x is above 100."""
    x = batch.column("x").to_numpy(zero_copy_only=False)
    if (x < 0).any():
        raise ValueError("negative distance")
    kept = np.flatnonzero(~(x > 100))
    return pa.RecordBatch.from_pydict({"y": pa.array(x[kept] * 2), "__row": pa.array(kept)})


def test_as_many_rows_stay_aligned() -> None:
    """Law 1: each row ends as exactly one row, one failure or one counted filtering."""
    applied = step(doubled).apply(numbers(1, 2, 3))
    assert applied.batch.to_pydict() == {"y": [2.0, 4.0, 6.0]}
    assert applied.rows.tolist() == [0, 1, 2]
    assert applied.rows.dtype == np.int32
    assert len(applied.failures) == 0
    assert len(applied.filtered) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([-1.0, 1.0, 5.0, 200.0]), max_size=40))
def test_every_row_ends_once(values: list[float]) -> None:
    """Law 1 and law 10: bad rows fail alone, filtered rows are counted, the others keep their place."""
    applied = step(no_negatives).apply(numbers(*values))
    x = np.array(values)
    assert applied.failures.rows.tolist() == np.flatnonzero(x < 0).tolist()
    assert applied.filtered.tolist() == np.flatnonzero(x > 100).tolist()
    assert applied.rows.tolist() == np.flatnonzero((x >= 0) & (x <= 100)).tolist()
    assert applied.batch.column("y").to_pylist() == (x[applied.rows] * 2).tolist()
    assert set(applied.failures.codes) <= {Code.FEATURES}


def test_a_failure_says_which_function_and_why() -> None:
    applied = step(no_negatives).apply(numbers(1, -1, 2))
    assert applied.failures.messages == ["features.py:make: ValueError: negative distance"]


def test_the_output_schema_is_learnt_from_an_empty_batch() -> None:
    assert step(no_negatives).output_schema(numbers().schema) == pa.schema([("y", pa.float64())])


def test_a_function_that_cannot_take_an_empty_batch_is_told_so() -> None:
    def first(batch: pa.RecordBatch) -> pa.RecordBatch:
        return pa.RecordBatch.from_pydict({"y": [batch.column("x")[0].as_py()] * batch.num_rows})

    with pytest.raises(FeaturesInvalid, match="empty batch with x double makes it raise IndexError"):
        step(first).output_schema(numbers().schema)


def test_exploding_is_refused_row_by_row() -> None:
    """One row cannot become several: the row that would is a dead letter, its neighbours are not."""

    def explode(batch: pa.RecordBatch) -> pa.RecordBatch:
        x = batch.column("x").to_numpy()
        return pa.RecordBatch.from_pydict({"y": np.repeat(x, np.where(x == 7, 2, 1))})

    applied = step(explode).apply(numbers(1, 7, 3))
    assert applied.rows.tolist() == [0, 2]
    assert applied.failures.rows.tolist() == [1]
    assert "gave 2 rows for 1" in applied.failures.messages[0]


def test_an_aggregate_is_refused_as_a_whole() -> None:
    """A function that is right for each row alone and wrong for a batch would change answers silently."""

    def mean(batch: pa.RecordBatch) -> pa.RecordBatch:
        x = batch.column("x").to_numpy()
        return pa.RecordBatch.from_pydict({"y": [x.mean()] if len(x) else np.empty(0)})

    with pytest.raises(FeaturesInvalid, match=r"gave 1 rows for 4.*does not work row by row"):
        step(mean).apply(numbers(1, 2, 3, 4))


@pytest.mark.parametrize(
    "rows",
    [[0, 0, 1], [2, 1, 0], [0, 1, 3], [-1, 0, 1], [0.0, 1.0, 2.0], [0, None, 2]],
    ids=["twice", "moved", "out", "below", "float", "null"],
)
def test_a_wrong_row_column_is_a_clear_error(rows: list[Any]) -> None:
    def wrong(batch: pa.RecordBatch) -> pa.RecordBatch:
        given = rows if batch.num_rows == 3 else [0] * batch.num_rows
        return pa.RecordBatch.from_pydict({"y": batch.column("x"), "__row": given})

    with pytest.raises(FeaturesInvalid, match="__row"):
        step(wrong).apply(numbers(1, 2, 3))


def test_what_is_no_batch_is_a_clear_error() -> None:
    with pytest.raises(FeaturesInvalid, match=r"gave list: expected a pyarrow.RecordBatch, a pyarrow.Table or a pandas DataFrame"):
        step(lambda batch: [1, 2]).output_schema(numbers().schema)


def test_tables_and_data_frames_are_taken() -> None:
    def table(batch: pa.RecordBatch) -> pa.Table:
        return pa.Table.from_batches([batch]).append_column("y", pc.add(batch.column("x"), 1))

    def frame(batch: pa.RecordBatch) -> Any:
        made = batch.to_pandas()
        made["y"] = made["x"] + 1
        made["__row"] = np.arange(len(made))
        return made[made["x"] < 3]  # its index is no longer a range

    assert step(table).apply(numbers(1, 2)).batch.to_pydict() == {"x": [1.0, 2.0], "y": [2.0, 3.0]}
    applied = step(frame).apply(numbers(1, 9, 2))
    assert applied.batch.to_pydict() == {"x": [1.0, 2.0], "y": [2.0, 3.0]}
    assert applied.filtered.tolist() == [1]


def test_types_do_not_depend_on_the_rows() -> None:
    """Law 2: pandas makes integers of whole numbers and floats of missing ones; a column keeps its first type."""

    def whole(batch: pa.RecordBatch) -> pa.RecordBatch:
        values = batch.column("x").to_pylist()
        return pa.RecordBatch.from_pydict({"y": pa.array([int(v) for v in values], pa.int64() if values else pa.float64())})

    assert step(whole).apply(numbers(1, 2)).batch.schema.field("y").type == pa.float64()


def test_a_value_that_does_not_fit_fails_its_row_only() -> None:
    def text(batch: pa.RecordBatch) -> pa.RecordBatch:
        values = batch.column("x").to_pylist()
        return pa.RecordBatch.from_pydict(
            {"y": pa.array(["n/a" if v == 2 else str(v) for v in values] if values else [], pa.string() if values else pa.float64())}
        )

    applied = step(text).apply(numbers(1, 2, 3))
    assert applied.batch.column("y").to_pylist() == [1.0, 3.0]
    assert applied.failures.rows.tolist() == [1]
    assert "column y: expected double" in applied.failures.messages[0]
