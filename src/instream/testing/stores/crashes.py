"""Publishers that end in the middle, or do not learn what became of a write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from instream.errors import NotFound
from instream.package import Package, Version
from instream.stores import Store
from instream.stores.backend import UnknownResult, scan
from instream.stores.copies import CHUNK_BYTES, UPLOADS, copies_place
from instream.testing.backends import Crash, Crashing, Pausing, Unsure
from instream.testing.clocks import MovedClock
from instream.testing.packages import tiny_package
from instream.testing.stores.fixtures import TWO_DAYS_S, Item, Result, StoreFixtures


def insist(call: Callable[[Item], Result], item: Item) -> Result:
    """Until the result is known. A Conflict is no unknown result: it goes through."""
    for _ in range(100):
        try:
            return call(item)
        except UnknownResult:
            continue
    raise AssertionError("100 attempts")


class CrashLaws(StoreFixtures):
    """Publishers that end in the middle, or do not learn what became of a write."""

    def test_a_publisher_that_ends_anywhere(
        self, store: Store, again: Callable[..., Store], package: Package, second: Package, clock: MovedClock
    ) -> None:
        """Law 5: whatever row was the last, all of a package is visible or nothing; the next publisher is not disturbed."""
        store.put(second)
        ended, nth = 0, 0
        while True:
            try:
                again(Crashing(store.backend, nth)).put(package)
                break
            except Crash:
                ended += 1
            for version in store.versions("delay"):
                store.open("delay", version).verify()
            nth += 1
        assert ended > 3 + package.manifest.files[0].bytes // CHUNK_BYTES
        assert store.put(package) == 2
        clock.move(TWO_DAYS_S)
        store.collect()
        assert len(list(scan(store.backend, UPLOADS))) == 2
        for version in store.versions("delay"):
            store.open("delay", version).verify()

    def test_the_first_head_is_made_up_for(self, store: Store, again: Callable[..., Store], package: Package) -> None:
        """A publisher that ended between number and head is completed by the next one."""

        class NoHead(Crashing):
            def insert(self, place: str, key: str, value: bytes) -> bool:
                if place.startswith("heads/"):
                    raise Crash
                return self.inner.insert(place, key, value)

        with pytest.raises(Crash):
            again(NoHead(store.backend, 0)).put(package)
        assert store.versions("delay") == (1,)
        with pytest.raises(NotFound, match="no head"):
            store.head("delay")
        store.put(package)
        assert store.head("delay").champion == 1

    @pytest.mark.parametrize("seed", range(5))
    def test_unknown_results_are_settled(self, store: Store, again: Callable[..., Store], tmp_path: Path, seed: int) -> None:
        """Law 5: after a timeout the writer reads again and compares: everything happens once."""
        unsure = again(Unsure(store.backend, seed))

        for each in range(3):
            package = tiny_package(tmp_path, weight=float(each))
            assert insist(unsure.put, package) == each + 1
            mine = store.head("delay").next(champion=Version(each + 1), by="test", at_ms=0)
            assert insist(unsure.append_head, mine) == mine
        assert store.versions("delay") == (1, 2, 3)
        assert [head.revision for head in store.heads("delay")] == [4, 3, 2, 1]

    def test_garbage_in_use_is_kept(self, store: Store, again: Callable[..., Store], package: Package, clock: MovedClock) -> None:
        """A publisher that takes up a dead one's old copy, while a collector removes it, publishes all the same."""
        crashing = again(Crashing(store.backend, 8))  # after upload, 5 chunks, manifest, copy; before its number
        with pytest.raises(Crash):
            crashing.put(package)
        assert [key for key, _ in scan(store.backend, copies_place(package.manifest.digest))] != []
        clock.move(TWO_DAYS_S)
        slow = Pausing(store.backend, "versions/")
        publisher = threading.Thread(target=again(slow).put, args=(package,))
        publisher.start()
        assert slow.waiting.wait(60)
        assert store.collect() == 1
        slow.go.set()
        publisher.join()
        store.open("delay", Version(1)).verify()
