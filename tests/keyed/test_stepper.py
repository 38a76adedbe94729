"""Parameters as they were at a moment: whatever was asked before, and whatever the feed has told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from instream.errors import PackageRefused, Unavailable
from instream.flow.deadline import deadline_in
from instream.keyed import KeyedLimits, KeyedModel
from instream.stores import Store, open_store
from instream.stores.parameters import Parameters
from instream.testing.keyed import line, line_package

KEYS = [f"s:{letter}" for letter in "abcdefgh"]


class Rig:
    """A package whose every key is y = k x + k, or 1 for keys without parameters; and what was written when."""

    def __init__(self, store: Store, folder: Path, source: Callable[[Parameters], Any]) -> None:
        package = line_package(folder, key={"k": "string"}, default=1.0)
        self.parameters = store.parameters_of(package.manifest.digest)
        self.model = KeyedModel(package, source(self.parameters), KeyedLimits(stepped=True), label="delay@1", hot=KEYS)
        self.model.start()
        self.written: list[tuple[int, str, float | None]] = []

    def write(self, key: str, k: float | None) -> int:
        revision = self.parameters.write({key: None if k is None else line(k)})[key]
        self.written.append((revision, key, k))
        return revision

    def at(self, revision: int, keys: list[str] = KEYS, within_s: float = 20.0) -> list[float]:
        """For x = 1, half the answer: the number of the parameters."""
        batch = pa.record_batch({"k": [key.removeprefix("s:") for key in keys], "x": [1.0] * len(keys)})
        with self.model.at(revision, deadline_in(within_s)):
            return [y / 2 for y in self.model.answer(batch).outputs.column(0).to_pylist()]

    def expected(self, revision: int) -> list[float]:
        found = {key: k for at, key, k in sorted(self.written) if at <= revision}
        return [1.0 if (k := found.get(key)) is None else k for key in KEYS]


class Paged:
    """The feed two rows at a time."""

    def __init__(self, parameters: Parameters) -> None:
        self.inner = parameters

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def changes(self, since: str) -> Any:
        return self.inner.changes(since, limit=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/models.db")
    yield opened
    opened.close()


@pytest.mark.parametrize("source", [lambda parameters: parameters, Paged], ids=["whole", "paged"])
@pytest.mark.parametrize("seed", range(4))
def test_any_moment_at_any_time(store: Store, tmp_path: Path, source: Callable[[Parameters], Any], seed: int) -> None:
    """Law 6 for replays: what is asked for as of a moment is the same, however often and after whatever it is asked."""
    rig, random = Rig(store, tmp_path, source), Random(seed)
    for _ in range(40):
        for _ in range(random.randint(0, 6)):
            rig.write(random.choice(KEYS), None if random.random() < 0.2 else random.random())
        moments = [revision for revision, _, _ in rig.written[-12:]] or [0]
        moment = max(moments) if random.random() < 0.6 else random.choice(moments)
        assert rig.at(moment) == pytest.approx(rig.expected(moment)), (seed, moment)
    rig.model.close()


def test_what_is_newer_than_all_that_is_kept_has_no_parameters(store: Store, tmp_path: Path) -> None:
    """A key was written more often than the store remembers since the moment: what answers for keys without parameters answers."""
    rig = Rig(store, tmp_path, lambda parameters: parameters)
    moment = rig.write("s:a", 2.0)
    assert rig.at(moment, ["s:a"]) == [2.0]
    for number in range(150):
        last = rig.write("s:a", float(number))
    assert rig.at(last, ["s:a"]) == [149.0]
    assert rig.at(moment, ["s:a"]) == [1.0]
    rig.model.close()


def test_a_store_that_is_away(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch waits, and a moment that was not reached is never taken for another."""
    rig = Rig(store, tmp_path, lambda parameters: parameters)
    first = rig.write("s:a", 2.0)
    assert rig.at(first, ["s:a"]) == [2.0]
    second = rig.write("s:a", 3.0)
    with monkeypatch.context() as away:
        away.setattr(Parameters, "changes", lambda *_: (_ for _ in ()).throw(OSError("away")))
        with pytest.raises(Unavailable):
            rig.at(second, ["s:a"], within_s=0.6)
    assert rig.at(second, ["s:a"]) == [3.0]
    rig.model.close()


def test_a_model_that_follows_the_store(store: Store, tmp_path: Path) -> None:
    package = line_package(tmp_path, key={"k": "string"}, default=1.0)
    model = KeyedModel(package, store.parameters_of(package.manifest.digest), label="delay@1")
    with pytest.raises(PackageRefused, match="as of a moment"):
        model.at(1)
