"""Packages whose parameters lie beside them: all of it is visible or nothing, and what nothing refers to goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from instream.package import Package, Version
from instream.stores import Store
from instream.stores.backend import Backend, scan
from instream.stores.parameter_rows import Row
from instream.stores.parameter_sets import CLEARING, SETS
from instream.testing.backends import Crash, Crashing, Pausing
from instream.testing.clocks import MovedClock
from instream.testing.packages import tiny_package
from instream.testing.stores.fixtures import TWO_DAYS_S, StoreFixtures

ITEMS = {f"i:{number}": b"%d" % number for number in range(510)}  # are written in two turns
FEW = {text: ITEMS[text] for text in list(ITEMS)[:20]}


class Cut(Crashing):
    """Ends at the n-th write, be it a row or parameters; of the latter half are written."""

    def __init__(self, inner: Backend, nth: int) -> None:
        super().__init__(inner, nth)
        self.parameters = _Cut(self, inner.parameters)  # type: ignore[attr-defined]


class _Cut:
    clear: Callable[[str], None]

    def __init__(self, crashing: Crashing, inner: Any) -> None:
        self._crashing = crashing
        self._inner = inner
        self.clear = inner.clear

    def append(self, place: str, rows: Sequence[Row]) -> None:
        if self._crashing.left == 0:
            self._inner.append(place, rows[: len(rows) // 2])
            raise Crash
        self._crashing.left -= 1
        self._inner.append(place, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def in_force(store: Store, package: Package) -> dict[str, bytes | None]:
    return {text: found.payload for text, found in store.parameters_of(package.manifest.digest).read(list(ITEMS)).items()}


class ParameterSetLaws(StoreFixtures):
    """What a store keeps that has parameters."""

    @pytest.fixture
    def small(self, tmp_path: Path) -> Package:
        return tiny_package(tmp_path)

    def test_a_package_comes_with_its_parameters(self, store: Store, small: Package) -> None:
        told: list[int] = []
        version = store.put_keyed(small, ITEMS, told=told.append)
        assert store.parameters("delay", version).read(["i:7"])["i:7"].payload == b"7"
        assert in_force(store, small) == ITEMS
        assert told == [0, 500, 510]

    def test_the_same_package_again_changes_nothing(self, store: Store, small: Package) -> None:
        """Keys that got others since keep them, and what was taken away stays away."""
        version = store.put_keyed(small, ITEMS)
        store.parameters("delay", version).write({"i:1": b"newer", "i:2": None})
        cursor = store.parameters("delay", version).cursor()
        assert store.put_keyed(small, ITEMS) == version
        assert in_force(store, small) == ITEMS | {"i:1": b"newer", "i:2": None}
        assert store.parameters("delay", version).changes(cursor).keys == ()
        assert len(list(scan(store.backend, SETS))) == 1

    def test_a_publisher_that_ends_anywhere(self, store: Store, again: Callable[..., Store], small: Package) -> None:
        """Law 5: where there is a version, all its keys have parameters; the next publisher completes what is there."""
        nth = 0
        while True:
            try:
                again(Cut(store.backend, nth)).put_keyed(small, ITEMS)
                break
            except Crash:
                nth += 1
            if store.versions("delay"):
                assert in_force(store, small) == ITEMS
        assert nth > 3
        assert in_force(store, small) == ITEMS
        assert store.versions("delay") == (1,)

    def test_what_a_killed_publisher_left_is_collected_after_a_day(
        self, store: Store, again: Callable[..., Store], small: Package, second: Package, clock: MovedClock
    ) -> None:
        with pytest.raises(Crash):
            again(Cut(store.backend, 1)).put_keyed(small, FEW)
        store.put_keyed(second, FEW)
        assert 0 < len(in_force(store, small)) < len(FEW)
        store.collect()
        assert in_force(store, small)
        clock.move(TWO_DAYS_S)
        store.collect()
        assert in_force(store, small) == {}
        assert in_force(store, second) == FEW
        assert len(list(scan(store.backend, SETS))) == 1
        store.put_keyed(small, FEW)
        assert in_force(store, small) == FEW

    def test_parameters_go_a_day_after_their_version(self, store: Store, small: Package, second: Package, clock: MovedClock) -> None:
        store.put_keyed(second, FEW)
        store.delete("delay", store.put_keyed(small, FEW))
        clock.move(TWO_DAYS_S / 4)
        store.collect()
        assert in_force(store, small) == FEW
        clock.move(TWO_DAYS_S)
        store.collect()
        assert (in_force(store, small), in_force(store, second)) == ({}, FEW)

    @pytest.fixture
    def left(self, store: Store, again: Callable[..., Store], small: Package, clock: MovedClock) -> Package:
        """Whose publisher was killed two days ago."""
        with pytest.raises(Crash):
            again(Cut(store.backend, 2)).put_keyed(small, FEW)
        clock.move(TWO_DAYS_S)
        return small

    def test_a_set_that_is_taken_up_just_before_it_is_cleared(self, store: Store, again: Callable[..., Store], left: Package) -> None:
        """The collector looks for the number once more after its mark is set."""
        paused = Pausing(store.backend, CLEARING)
        paused.parameters = store.backend.parameters  # type: ignore[attr-defined]
        with ThreadPoolExecutor(1) as pool:
            collected = pool.submit(again(paused).collect)
            assert paused.waiting.wait(30)
            store.put_keyed(left, FEW)
            paused.go.set()
            collected.result()
        assert in_force(store, left) == FEW

    def test_a_set_that_is_taken_up_while_it_is_cleared(self, store: Store, again: Callable[..., Store], left: Package) -> None:
        """The publisher waits for the collector's mark to go, and fills the set once more."""
        cut = Cut(store.backend, -1)
        with ThreadPoolExecutor(1) as pool:
            publishing: list[Future[Version]] = []

            def clear(place: str) -> None:
                publishing.append(pool.submit(store.put_keyed, left, FEW))
                while not store.versions("delay"):
                    time.sleep(0.001)
                store.backend.parameters.clear(place)  # type: ignore[attr-defined]

            cut.parameters.clear = clear
            again(cut).collect()
            publishing[0].result()
        assert in_force(store, left) == FEW

    def test_the_mark_of_a_killed_collector_keeps_nobody_for_long(self, store: Store, small: Package) -> None:
        store.backend.insert(CLEARING, small.manifest.digest, b"")
        store.put_keyed(small, FEW)
        assert in_force(store, small) == FEW
