"""A version that will not do never serves, the old one goes on, and everybody is told why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from instream.errors import PackageRefused
from instream.head import Head
from instream.package import Version
from instream.predictor import Predictor
from instream.stores import Store
from instream.stores.backend import key_of
from instream.testing.models import Extras, Graph, linear, linear_package, onnx_package, slow_to_load, slow_to_score, xs
from instream.testing.predictors.fixtures import PredictorFixtures, Start, follows, promoted, refusals, until, versions_of
from instream.testing.stores.fixtures import flip

_MEMORY = 18_000_000  # room for one tiny model beside another


@dataclass(frozen=True)
class Bad:
    """A version to refuse: what it is, why, in which words, and the limits under which it is."""

    graph: Graph
    reason: str
    said: str
    extras: Extras = field(default_factory=Extras)
    sections: dict[str, Any] = field(default_factory=dict)


BAD = {
    "another input": Bad(
        linear({"x": 1.0, "wind": 1.0}), "incompatible", "it needs the field wind (float64), and records have x: add wind"
    ),
    "another output": Bad(
        linear({"x": 1.0}), "incompatible", "its outputs are late float64, and this pipeline gives y float64", Extras("late")
    ),
    "golden rows": Bad(linear({"x": 1.0}), "golden", "golden row 3, y: expected 1.5, got 1", Extras(golden_error=0.5)),
    "too large": Bad(slow_to_score(1), "too_large", "limits.memory = 18,000,000", sections={"limits": {"memory": _MEMORY}}),
    "slow to load": Bad(slow_to_load(1.0, 15_000), "slow", "strategy.load_s = 0.3", sections={"strategy": {"load_s": 0.3}}),
    "slow to score": Bad(slow_to_score(1_500), "slow", "strategy.golden_s = 0.1", sections={"strategy": {"golden_s": 0.1}}),
    "untrusted features": Bad(
        linear({"x": 1.0}),
        "features",
        'set features.function = "package"',
        Extras(features="def make(batch):\n    return batch\n", raw=("x",)),
    ),
}


class RefusalLaws(PredictorFixtures):
    """Law 4, safe swap."""

    @pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
    def test_what_will_not_do_is_refused(self, start: Start, store: Store, tmp_path: Path, bad: Bad) -> None:
        """Law 4: the old version goes on; the reason is in report, readiness, metric and log; a good one is adopted next."""
        first = store.put(linear_package(tmp_path, 2.0))
        second = store.put(onnx_package(tmp_path, bad.graph, extras=bad.extras))
        predictor = start(**bad.sections)
        _refused(predictor, store, lambda: promoted(store, second), bad)
        third = store.put(linear_package(tmp_path, 3.0))
        until(follows(predictor, promoted(store, third)), "a good version after a refused one")
        assert predictor.ready().refused == ""
        assert versions_of(predictor.predict(xs(1))) == {third} != {first}

    def test_altered_bytes_are_refused(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 4: a version with one flipped bit never serves."""
        store.put(linear_package(tmp_path, 2.0))
        second = store.put(onnx_package(tmp_path, linear({"x": 3.0})))
        _damage(store, second)
        corrupt = Bad(linear({"x": 1.0}), "corrupt", "model.onnx")
        _refused(start(), store, lambda: promoted(store, second), corrupt)

    @pytest.mark.parametrize(
        ("changed", "said"),
        [({"format": 2}, "format 2"), ({"rollout": {"kind": "lottery"}}, "unknown kind 'lottery'")],
        ids=["format", "rollout"],
    )
    def test_a_head_of_a_newer_instream_is_refused(
        self, start: Start, store: Store, tmp_path: Path, changed: dict[str, Any], said: str
    ) -> None:
        """Law 4: a head is adopted whole or not at all; what is not understood is not guessed."""
        store.put(linear_package(tmp_path, 2.0))
        second = store.put(linear_package(tmp_path, 3.0))
        predictor = start()

        def write() -> Head:
            head = msgspec.structs.replace(store.head("delay").next(champion=second, by="newer", at_ms=0), **changed)
            store.backend.insert("heads/delay", key_of(head.revision), msgspec.json.encode(head))
            return head

        _refused(predictor, store, write, Bad(linear({"x": 1.0}), "unknown_head", said))

    def test_a_restart_goes_on_with_the_last_head_that_will_do(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 4: whatever is refused while running is refused at the start, and what served before serves again."""
        first = store.put(linear_package(tmp_path, 2.0))
        second = store.put(onnx_package(tmp_path, linear({"x": 1.0}), extras=Extras(golden_error=0.5)))
        head = promoted(store, second)
        predictor = start()
        assert versions_of(predictor.predict(xs(1))) == {first}
        assert "golden row 3" in predictor.ready().refused
        until(lambda: [report.refused for report in store.reports("delay")] == [head.revision], "the report")

    def test_when_nothing_will_do_the_start_says_why(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 4: a pipeline without a version that it may use does not begin."""
        store.put(onnx_package(tmp_path, linear({"x": 1.0}), extras=Extras(golden_error=0.5)))
        with pytest.raises(PackageRefused, match="no head of delay can be adopted:\n  head 1, delay@1: golden row 3"):
            start()


def _refused(predictor: Predictor, store: Store, promote: Callable[[], Head], bad: Bad) -> None:
    """Promote, and see that everybody is told, once, while the first version serves."""
    before = refusals(bad.reason)
    with capture_logs() as logs:
        head = promote()
        until(lambda: predictor.ready().refused != "", "the refusal")
        until(lambda: [report.refused for report in store.reports("delay")] == [head.revision], "the report")
        until(lambda: refusals(bad.reason) == before + 1, f"one more refusal of kind {bad.reason}")
    assert bad.said in predictor.ready().refused
    assert "delay@1 (head 1) goes on" in predictor.ready().refused
    (report,) = store.reports("delay")
    assert (report.revision, report.reason) == (1, predictor.ready().refused)
    told = [line for line in logs if line["event"] == "head refused"]
    assert [(line["head"], line["reason"]) for line in told] == [(head.revision, bad.reason)]
    assert bad.said in told[0]["why"]
    assert versions_of(predictor.predict(xs(1, 2))) == {1}


def _damage(store: Store, version: Version) -> None:
    """Flip a bit of the model's file in every copy."""
    digest = store.manifest("delay", version).digest
    for upload, _ in store.backend.rows(f"copies/{digest}", "", 10):
        for key, _ in store.backend.rows(f"bytes/{upload}", "model.onnx", 1):
            flip(store, f"bytes/{upload}", key, 10)
