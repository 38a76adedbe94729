"""Heads, and deletion against heads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace

from instream.errors import Conflict, InUse, NotFound
from instream.head import Head, Revision
from instream.package import Package, Version
from instream.stores import Store
from instream.stores.backend import scan
from instream.stores.copies import UPLOADS
from instream.stores.heads import KEPT
from instream.testing.backends import Pausing
from instream.testing.clocks import MovedClock
from instream.testing.packages import tiny_package
from instream.testing.stores.fixtures import TWO_DAYS_S, StoreFixtures, at_once, promoted


class HeadLaws(StoreFixtures):
    """Heads, and deletion against heads."""

    def test_the_first_publish_makes_the_first_head(self, store: Store, package: Package, second: Package) -> None:
        """The first version is the champion; later ones wait to be promoted."""
        store.put(package)
        store.put(second)
        head = store.head("delay")
        assert (head.revision, head.champion) == (1, 1)
        assert store.heads("delay") == (head,)

    def test_two_publishers_cannot_both_win(self, store: Store, package: Package) -> None:
        """Law 5: of two heads with one revision, one is kept, the other raises Conflict."""
        version = store.put(package)
        first = store.head("delay")
        rivals = [first.next(champion=version, by=by, at_ms=0) for by in ("ann", "bob")]
        results = at_once(store.append_head, rivals)
        assert [each for each in results if isinstance(each, Head)] == [store.head("delay")]
        assert sum(isinstance(each, Conflict) for each in results) == 1

    def test_twenty_promote_at_once(self, store: Store, package: Package) -> None:
        """Law 5: one winner a revision, no revision left out."""
        store.put(package)
        first = store.head("delay")
        results = at_once(store.append_head, [first.next(champion=first.champion, by=str(each), at_ms=0) for each in range(20)])
        assert [each for each in results if isinstance(each, Head)] == [store.head("delay")]
        assert store.head("delay").revision == 2

    def test_a_rollback_is_a_new_revision(self, store: Store, package: Package, second: Package) -> None:
        """Law 5: heads are only appended; what was in force stays readable."""
        one, two = store.put(package), store.put(second)
        promoted(store, two)
        promoted(store, one)
        assert [(head.revision, head.champion) for head in store.heads("delay")] == [(3, 1), (2, 2), (1, 1)]
        assert store.head_at("delay", Revision(2)).champion == two
        with pytest.raises(NotFound, match="no head 4"):
            store.head_at("delay", Revision(4))

    def test_a_head_offered_again(self, store: Store, package: Package, second: Package) -> None:
        """Law 5: a writer that did not learn the result offers the same head; it is there once, also when others followed."""
        store.put(package)
        mine = store.head("delay").next(champion=store.put(second), by="test", at_ms=0)
        assert store.append_head(mine) == mine
        promoted(store, Version(1))
        assert store.append_head(mine) == mine
        assert store.head("delay").revision == 3

    def test_heads_that_are_refused(self, store: Store, package: Package) -> None:
        """Law 5: a gap in the revisions, an old revision, a version that is absent, also in a label."""
        store.put(package)
        first = store.head("delay")
        gap = first.next(champion=first.champion, by="test", at_ms=0).next(champion=first.champion, by="test", at_ms=0)
        with pytest.raises(Conflict, match="the newest is 1"):
            store.append_head(gap)
        with pytest.raises(Conflict, match="in the meantime"):
            store.append_head(replace(first, id="another"))
        with pytest.raises(NotFound, match="delay@2"):
            promoted(store, Version(2))
        with pytest.raises(NotFound, match="delay@5"):
            store.append_head(replace(first, revision=Revision(2), id="another", labels={"candidate": Version(5)}))
        assert store.head("delay") == first

    def test_a_version_in_use_is_not_deleted(self, store: Store, package: Package, second: Package, clock: MovedClock) -> None:
        """Law 5: while a kept head names it; afterwards it goes, its number stays taken, its files go a day later."""
        one, two = store.put(package), store.put(second)
        promoted(store, two)
        with pytest.raises(InUse, match="head 1"):
            store.delete("delay", one)
        for _ in range(KEPT):
            promoted(store, two)
        clock.move(TWO_DAYS_S)
        store.collect()
        with pytest.raises(Conflict):  # a revision that is gone is not free
            store.append_head(replace(store.head("delay"), revision=Revision(1)))
        assert len(store.heads("delay", 2 * KEPT)) == KEPT
        store.delete("delay", one)
        assert store.versions("delay") == (two,)
        with pytest.raises(NotFound, match="was deleted"):
            store.open("delay", one)
        assert store.collect() == 0
        assert len(list(scan(store.backend, UPLOADS))) == 2
        clock.move(TWO_DAYS_S)
        assert store.collect() == 1
        with pytest.raises(Conflict, match="numbers are used once"):
            store.put(package, one)
        assert store.put(package) == 3
        with pytest.raises(Conflict):
            store.put(tiny_package(package.folder.parent, weight=9.0), 1)

    def test_a_head_and_a_deletion_at_once(
        self, store: Store, again: Callable[..., Store], package: Package, second: Package, tmp_path: Path
    ) -> None:
        """Law 5: whichever comes first, no head names a version that is gone."""
        store.put(package)
        two = store.put(second)
        slow = Pausing(store.backend, "heads/")
        promoter = threading.Thread(target=promoted, args=(again(slow), two))
        promoter.start()
        assert slow.waiting.wait(60)
        store.delete("delay", two)  # the promoter has seen it, its head is not written yet
        slow.go.set()
        promoter.join()
        assert store.head("delay").champion == two
        store.open("delay", two).verify()

        three = store.put(tiny_package(tmp_path, weight=4.0))
        slow = Pausing(store.backend, "deleted/")
        with ThreadPoolExecutor(1) as pool:
            deletion = pool.submit(again(slow).delete, "delay", three)
            assert slow.waiting.wait(60)
            promoted(store, three)
            slow.go.set()
            with pytest.raises(InUse):
                deletion.result()
        store.open("delay", three).verify()
