"""The feed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from instream.errors import StoreError
from instream.package import Package
from instream.stores import Store, open_store
from instream.stores.heads import KEPT
from instream.testing.backends import Pausing
from instream.testing.clocks import MovedClock
from instream.testing.packages import tiny_package
from instream.testing.stores.fixtures import TWO_DAYS_S, StoreFixtures, promoted


class FeedLaws(StoreFixtures):
    """What moved, never what it is now."""

    def test_what_moved_is_told(self, store: Store, package: Package, second: Package) -> None:
        """Law 6: a new version and a new head move a model; then nothing does."""
        start = store.cursor()
        store.put(package)
        seen = store.changes(start)
        assert (seen.moved, seen.reset) == (("delay",), False)
        assert store.changes(seen.cursor).moved == ()
        version = store.put(second)
        assert store.changes(seen.cursor, ["delay"]).moved == ("delay",)
        seen = store.changes(seen.cursor)
        promoted(store, version)
        assert store.changes(seen.cursor).moved == ("delay",)
        assert store.changes(seen.cursor, ["arrival"]).moved == ()

    def test_no_more_than_asked_for(self, store: Store, tmp_path: Path) -> None:
        """Law 7: at most `limit` names; the others come next."""
        cursor = store.cursor()
        for name in ("a", "b", "c"):
            store.put(tiny_package(tmp_path, name))
        told: list[str] = []
        while moved := (seen := store.changes(cursor, limit=2)).moved:
            assert len(moved) <= 2
            told, cursor = [*told, *moved], seen.cursor
        assert sorted(told) == ["a", "b", "c"]

    @pytest.mark.parametrize("place", ["versions/", "heads/"])
    def test_interleaved_writers_are_not_missed(self, store: Store, again: Callable[..., Store], tmp_path: Path, place: str) -> None:
        """Law 6: of two writers the first to begin ends last; a reader that went by in between is told of both."""
        for name in ("early", "late"):
            store.put(tiny_package(tmp_path, name))
        cursor = store.cursor()
        slow = Pausing(store.backend, place)

        def write(to: Store, name: str) -> None:
            version = to.put(tiny_package(tmp_path, name, weight=5.0))
            to.append_head(to.head(name).next(champion=version, by="test", at_ms=0))

        early = threading.Thread(target=write, args=(again(slow), "early"))
        early.start()
        assert slow.waiting.wait(60)
        write(store, "late")
        seen = store.changes(cursor)
        assert "late" in seen.moved
        slow.go.set()
        early.join()
        assert "early" in store.changes(seen.cursor).moved

    def test_a_follower_never_misses(self, store: Store, tmp_path: Path) -> None:
        """Law 6: followers that read only what the feed names end with the newest heads, whatever writers do meanwhile."""
        names = ["a", "b", "c"]
        for name in names:
            store.put(tiny_package(tmp_path, name))
        done = threading.Event()

        def follow(_: int) -> dict[str, int]:
            cursor, known = store.cursor(names), dict.fromkeys(names, 0)
            known.update({name: store.head(name).revision for name in names})
            while True:
                last = done.is_set()
                seen = store.changes(cursor, names)
                known.update({name: store.head(name).revision for name in seen.moved})
                cursor = seen.cursor
                if last:
                    return known

        def write(name: str) -> None:
            for _ in range(30):
                head = store.head(name)
                store.append_head(head.next(champion=head.champion, by="test", at_ms=0))

        with ThreadPoolExecutor(5) as pool:
            followers = [pool.submit(follow, each) for each in range(2)]
            for written in [pool.submit(write, name) for name in names]:
                written.result()
            done.set()
            assert [follower.result() for follower in followers] == [dict.fromkeys(names, 31)] * 2

    def test_a_waiting_reader_is_woken(self, store: Store, url: str, package: Package, second: Package) -> None:
        """Law 6: `changes` returns when something moves, by whatever thread; and at its timeout when nothing does."""
        store.put(package)
        real = open_store(url)  # on the machine's clock
        cursor = real.cursor(["delay"])
        assert real.changes(cursor, ["delay"], timeout_s=0.05).moved == ()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(real.changes, cursor, ["delay"], 10, 60.0)
            version = store.put(second)
            assert waiting.result(timeout=30).moved == ("delay",)
            waiting = pool.submit(real.changes, real.cursor(["delay"]), ["delay"], 10, 60.0)
            promoted(real, version)
            assert waiting.result(timeout=30).moved == ("delay",)
            waiting = pool.submit(real.changes, real.cursor(["delay"]), ["delay"], 10, 60.0)
            real.close()
            with suppress(StoreError):  # where `close` came first
                waiting.result(timeout=30)

    def test_a_cursor_older_than_the_log(self, store: Store, package: Package, clock: MovedClock) -> None:
        """Law 6: when the heads that followed are gone, `reset` says so, and the new cursor goes on."""
        version = store.put(package)
        old = store.cursor()
        for _ in range(KEPT + 5):
            promoted(store, version)
        store.collect()  # which leaves what is younger than a day
        assert (store.changes(old).reset, store.changes(old).moved) == (False, ("delay",))
        clock.move(TWO_DAYS_S)
        store.collect()
        assert len(store.heads("delay", 1000)) == KEPT
        seen = store.changes(old)
        assert seen.reset
        promoted(store, version)
        assert store.changes(seen.cursor).moved == ("delay",)
        assert not store.changes(seen.cursor).reset

    @pytest.mark.parametrize("cursor", ["", "{}", '["another store",{}]', "ÿ"])
    def test_a_cursor_of_another_store(self, store: Store, package: Package, cursor: str) -> None:
        """Law 6: a cursor that says nothing here gives `reset`, such as that of a store which was made anew."""
        store.put(package)
        seen = store.changes(cursor)
        assert seen.reset
        assert store.changes(seen.cursor) == type(seen)(seen.cursor, ())
