"""Which head counts, and what a store that is away changes: nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from instream.errors import NotFound
from instream.stores import Store
from instream.testing.models import Extras, linear, linear_package, onnx_package, slow_to_load, xs
from instream.testing.predictors.fixtures import Away, PredictorFixtures, Start, follows, promoted, refusals, until, versions_of


class FollowingLaws(PredictorFixtures):
    """Laws 4, 6 and 7, as far as a predictor follows a store."""

    def test_a_pinned_predictor_never_follows(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 4: `delay@1` stays with version 1, and says that nobody needs to wait for it."""
        first, second = store.put(linear_package(tmp_path, 2.0)), store.put(linear_package(tmp_path, 3.0))
        pinned, following = start(model={"name": "delay@1"}), start()
        until(follows(following, promoted(store, second)), "the other predictor")
        prediction = pinned.predict(xs(1))
        assert (versions_of(prediction), prediction.head) == ({first}, 0)
        assert {report.pinned for report in store.reports("delay") if report.revision == 0} == {True}

    def test_a_label_is_followed(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 4: `delay@candidate` serves whatever version has that label in the newest head."""
        first, second = store.put(linear_package(tmp_path, 2.0)), store.put(linear_package(tmp_path, 3.0))
        head = store.head("delay").next(champion=first, by="test", at_ms=0)
        store.append_head(msgspec.structs.replace(head, labels={"candidate": second}))
        predictor = start(model={"name": "delay@candidate"})
        assert versions_of(predictor.predict(xs(1))) == {second}

    def test_a_store_that_is_away_changes_nothing(self, start: Start, store: Store, backend: Away, tmp_path: Path) -> None:
        """Law 4: what serves goes on; the head that was written meanwhile is adopted when the store is back."""
        store.put(linear_package(tmp_path, 2.0))
        second = store.put(linear_package(tmp_path, 3.0))
        predictor = start()
        head = promoted(store, second)
        backend.away = True
        assert versions_of(predictor.predict(xs(1))) <= {1, 2}
        assert predictor.ready().ready
        backend.away = False
        until(follows(predictor, head), "the head that was written while the store was away")

    def test_a_store_that_goes_away_while_a_version_is_fetched(
        self, start: Start, store: Store, backend: Away, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Law 4: that is no refusal: the same head is tried again until it is adopted."""
        store.put(linear_package(tmp_path, 2.0))
        second = store.put(linear_package(tmp_path, 3.0))
        predictor = start()
        cut, read = threading.Event(), backend.read

        def cut_while_fetching(place: str, key: str) -> bytes | None:
            if key.startswith("model.onnx") and not cut.is_set():
                cut.set()
                backend.away = True
            return read(place, key)

        monkeypatch.setattr(backend, "read", cut_while_fetching)
        head = promoted(store, second)
        assert cut.wait(60)
        assert versions_of(predictor.predict(xs(1))) == {1}
        assert predictor.ready().refused == ""
        backend.away = False
        until(follows(predictor, head), "the version whose fetch was interrupted")

    def test_a_refused_head_is_not_tried_in_a_loop(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 7: once per change: a refusal costs one load, and another one when something about the model moved."""
        store.put(linear_package(tmp_path, 2.0))
        bad = store.put(onnx_package(tmp_path, linear({"x": 1.0}), extras=Extras(golden_error=0.5)))
        predictor = start()
        before = refusals("golden")
        promoted(store, bad)
        until(lambda: refusals("golden") == before + 1, "the refusal")
        other = start()  # starts, polls and refuses once for itself: many polls of the first have passed
        assert refusals("golden") == before + 2
        assert other.ready().head == predictor.ready().head == 1
        store.put(linear_package(tmp_path, 4.0))
        until(lambda: refusals("golden") == before + 4, "one more attempt by each after a change")

    @pytest.mark.slow
    def test_loads_that_were_given_up_do_not_pile_up(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 7: a load that cannot be stopped is waited for before the next one begins."""
        store.put(linear_package(tmp_path, 2.0))
        slow = [store.put(onnx_package(tmp_path, slow_to_load(weight, 30_000))) for weight in (3.0, 4.0)]
        predictor = start(strategy={"load_s": 0.3})
        for version in slow:
            promoted(store, version)
            until(lambda: "strategy.load_s" in predictor.ready().refused, "the refusal")
            assert sum(thread.name == "load" for thread in threading.enumerate()) <= 1
        good = store.put(linear_package(tmp_path, 5.0))
        until(follows(predictor, promoted(store, good)), "a good version after two slow ones")

    def test_an_unknown_model_is_said(self, start: Start, store: Store) -> None:
        """A name that the store does not have is the user's mistake, told at once."""
        with pytest.raises(NotFound, match="delay"):
            start()
