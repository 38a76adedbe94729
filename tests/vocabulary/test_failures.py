import numpy as np
import pyarrow as pa

from instream.failures import Code, failures_of, merge
from instream.predictor import Prediction, concat


def test_failures_are_sorted_and_the_first_of_a_row_wins() -> None:
    found = failures_of([(7, Code.NULL, "b"), (2, Code.MISSING, "a"), (7, Code.SCORE, "late")])
    assert found.rows.tolist() == [2, 7]
    assert list(found.codes) == [Code.MISSING, Code.NULL]
    merged = merge(found, failures_of([(2, Code.SCORE, "later"), (0, Code.SCORE, "new")]))
    assert merged.rows.tolist() == [0, 2, 7]
    assert list(merged.messages) == ["new", "a", "b"]


def test_filtered_rows_are_split_from_failures() -> None:
    mixed = failures_of([(1, Code.FILTERED, ""), (3, Code.NULL, "n")])
    rest, filtered = mixed.without(Code.FILTERED)
    assert rest.rows.tolist() == [3]
    assert filtered.tolist() == [1]


def test_a_part_is_renumbered_into_its_whole() -> None:
    part = failures_of([(0, Code.NULL, "n"), (2, Code.NULL, "n")])
    assert part.at(np.array([4, 6, 9], np.int32)).rows.tolist() == [4, 9]


def test_slices_of_a_prediction_make_it_again() -> None:
    outputs = pa.record_batch({"prediction": [float(i) for i in range(10)]})
    stamps = pa.record_batch({"version": pa.array([1] * 10, pa.int32())})
    whole = Prediction(outputs, stamps, 3, failures_of([(0, Code.NULL, "n"), (4, Code.SCORE, "s"), (9, Code.SCORE, "s")]))
    again = concat([whole.slice(0, 4), whole.slice(4, 1), whole.slice(5, 5)])
    assert again.outputs.equals(whole.outputs)
    assert again.failures.rows.tolist() == [0, 4, 9]
    assert (len(again), again.head) == (10, 3)
