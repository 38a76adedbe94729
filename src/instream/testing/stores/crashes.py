"""Publishers that end in the middle, or do not learn what became of a write."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from instream.errors import NotFound
from instream.package import Package, Version
from instream.stores import Store
from instream.stores.backend import scan
from instream.stores.chunks import CHUNK_BYTES
from instream.stores.copies import UPLOADS, copies_place
from instream.testing.backends import Crash, Crashing, Meeting, Pausing, Unsure
from instream.testing.clocks import MovedClock
from instream.testing.packages import tiny_package
from instream.testing.stores.fixtures import TWO_DAYS_S, StoreFixtures


def published_without_collecting(store: Store, package: Package) -> None:
    """As `put`, which would collect at its end what this test is about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "collect", lambda: 0)
        store.put(package)


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
            assert unsure.put(package) == each + 1
            mine = store.head("delay").next(champion=Version(each + 1), by="test", at_ms=0)
            assert unsure.append_head(mine) == mine
        assert store.versions("delay") == (1, 2, 3)
        assert [head.revision for head in store.heads("delay")] == [4, 3, 2, 1]

    @pytest.fixture
    def orphan(self, store: Store, again: Callable[..., Store], package: Package, clock: MovedClock) -> None:
        """A complete copy, days old, whose publisher ended before it had a number."""
        crashing = again(Crashing(store.backend, 8))  # after upload, 5 chunks, manifest, copy; before its number
        with pytest.raises(Crash):
            crashing.put(package)
        assert [key for key, _ in scan(store.backend, copies_place(package.manifest.digest))] != []
        clock.move(TWO_DAYS_S)

    @pytest.mark.usefixtures("orphan")
    def test_a_publisher_meets_a_collector(self, store: Store, again: Callable[..., Store], package: Package) -> None:
        """One that takes up a dead one's copy, which is removed before its number can be seen, publishes all the same."""
        slow = Pausing(store.backend, "versions/")
        publisher = threading.Thread(target=again(slow).put, args=(package,))
        publisher.start()
        assert slow.waiting.wait(60)
        assert store.collect() == 1
        slow.go.set()
        publisher.join()
        store.open("delay", Version(1)).verify()

    @pytest.mark.usefixtures("orphan")
    def test_a_collector_meets_a_publisher(self, store: Store, again: Callable[..., Store], package: Package) -> None:
        """One that is about to remove a copy, which gets a number at that moment, leaves it."""
        assert again(Meeting(store.backend, "copies/", partial(published_without_collecting, store, package))).collect() == 0
        store.open("delay", Version(1)).verify()
