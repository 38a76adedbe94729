"""What comes back for a batch, whatever is in it."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instream.errors import Closed, PackageRefused, Unavailable
from instream.failures import Code
from instream.flow.deadline import Deadline, deadline_in
from instream.predictor import Call, concat
from instream.stores import Store
from instream.testing.models import Extras, linear_package, lookup, onnx_package, reciprocal, xs
from instream.testing.predictors.fixtures import PredictorFixtures, Start, slices, versions_of, y_of

_VALUES = (10.0, 20.0, 30.0, 40.0, 50.0)
_X = st.one_of(st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0]), st.sampled_from([99.0, None]))
_quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class AnswerLaws(PredictorFixtures):
    """Laws 1, 2, 7 and 8, and the end."""

    def test_each_row_ends_once(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 1: each row is one output or one failure, in order; a row that the model refuses costs that row only."""
        store.put(onnx_package(tmp_path, lookup(_VALUES)))
        predictor = start()

        @_quick
        @given(st.lists(_X, max_size=40))
        def law(values: list[float | None]) -> None:
            prediction = predictor.predict(xs(*values))
            expected = [None if x is None or x == 99 else _VALUES[int(x)] for x in values]
            codes = {row: Code.NULL if x is None else Code.SCORE for row, x in enumerate(values) if x is None or x == 99}
            assert y_of(prediction) == expected
            assert dict(zip(prediction.failures.rows.tolist(), prediction.failures.codes, strict=True)) == codes
            assert prediction.stamps.num_rows == len(prediction) == len(values)

        law()

    def test_parts_score_as_the_whole(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 2: however a batch is cut, each row gets the same answer or the same failure."""
        store.put(onnx_package(tmp_path, lookup(_VALUES)))
        predictor = start()

        @_quick
        @given(st.lists(_X, max_size=40), st.lists(st.integers(0, 40), max_size=5))
        def law(values: list[float | None], cuts: list[int]) -> None:
            batch = xs(*values)
            whole = predictor.predict(batch)
            parts = concat([predictor.predict(part) for part in slices(batch, cuts)])
            assert parts.outputs.equals(whole.outputs)
            assert parts.stamps.equals(whole.stamps)
            assert parts.failures.rows.tolist() == whole.failures.rows.tolist()
            assert list(parts.failures.codes) == list(whole.failures.codes)

        law()

    def test_what_is_not_finite_is_a_failure(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 1: an output that is no number is a failure of its row."""
        store.put(onnx_package(tmp_path, reciprocal()))
        prediction = start().predict(xs(2, 0, 4))
        assert y_of(prediction) == [0.5, None, 0.25]
        assert prediction.failures.rows.tolist() == [1]
        assert list(prediction.failures.codes) == [Code.NOT_FINITE]
        assert prediction.failures.messages == ["y is inf"]

    def test_what_is_not_finite_is_an_answer_where_the_signature_allows_it(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 1: the signature decides what an output may be."""
        store.put(onnx_package(tmp_path, reciprocal(), extras=Extras(output_nullable=True, nullable=("x",))))
        prediction = start().predict(xs(2, 0, None))
        assert y_of(prediction)[:2] == [0.5, np.inf]
        assert len(prediction.failures) == 0

    def test_no_rows(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 1: an empty batch has an empty answer with the same columns."""
        store.put(linear_package(tmp_path, 2.0))
        predictor = start()
        prediction = predictor.predict(xs())
        assert len(prediction) == 0
        assert prediction.outputs.schema.equals(predictor.produces)

    def test_other_columns_and_another_order_do_not_matter(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 2: columns are found by name."""
        store.put(linear_package(tmp_path, 2.0))
        batch = pa.RecordBatch.from_pydict({"note": ["a", "b"], "x": [1.0, 2.0]})
        assert y_of(start().predict(batch)) == [2.0, 4.0]

    def test_calls_in_flight_are_bounded(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 7: a predictor says how many calls are worth having in flight, and takes no more than was set."""
        store.put(linear_package(tmp_path, 2.0))
        assert start(engine={"threads": 3}).inflight == 3
        assert start().inflight == 1

    def test_expired_work_is_not_started(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 8: past its deadline a batch is given back whole, with a hint when to come again."""
        store.put(onnx_package(tmp_path, lookup(_VALUES)))
        predictor = start()
        with pytest.raises(Unavailable, match="deadline") as raised:
            predictor.predict(xs(1, 99), Call(deadline=Deadline(0)))
        assert raised.value.retry_after_s >= 0
        assert y_of(predictor.predict(xs(1), Call(deadline=deadline_in(60)))) == [20.0]

    def test_a_head_that_is_not_loaded_cannot_be_asked_for(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 3: a call pinned to a head is scored by it, or not at all."""
        store.put(linear_package(tmp_path, 2.0))
        predictor = start()
        assert versions_of(predictor.predict(xs(1), Call(pin=1))) == {1}
        assert versions_of(predictor.predict(xs(1, 2), Call(pin=pa.array([1, 1])))) == {1}
        for pin in (7, pa.array([1, 7])):
            with pytest.raises(PackageRefused, match="head 7 is not loaded"):
                predictor.predict(xs(1, 2), Call(pin=pin))

    def test_close_wakes_every_caller(self, start: Start, store: Store, tmp_path: Path) -> None:
        """After `close`, whoever calls or waits gets Closed, and nothing hangs."""
        store.put(linear_package(tmp_path, 2.0))
        predictor = start()
        ended: list[type[BaseException]] = []

        def call() -> None:
            try:
                while True:
                    predictor.predict(xs(1, 2, 3))
            except BaseException as error:  # the kind is what is checked
                ended.append(type(error))

        callers = [threading.Thread(target=call, daemon=True) for _ in range(4)]
        for caller in callers:
            caller.start()
        predictor.close()
        for caller in callers:
            caller.join(60)
        assert ended == [Closed] * 4
        assert not predictor.ready().ready
        predictor.close()  # twice does no harm
