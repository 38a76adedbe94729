import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instream.errors import NotFound
from instream.head import Revision, first_head
from instream.package import Version
from instream.report import Report
from instream.stores import Store, adopted_within, open_store, promote, rollback
from instream.stores.promotion import path_of
from instream.testing.clocks import MovedClock
from instream.testing.packages import tiny_package


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def store(tmp_path: Path, clock: MovedClock) -> Store:
    store = open_store(f"memory://{tmp_path}", clock=clock)
    for weight in (1.0, 2.0, 3.0):
        store.put(tiny_package(tmp_path, weight=weight))
    return store


def report(store: Store, clock: MovedClock, worker: str, revision: int, refused: int = 0) -> None:
    store.report(
        Report(
            name="delay", pipeline="delays", worker=worker, revision=Revision(revision), refused=Revision(refused), at_ms=clock.wall_ms()
        )
    )


def test_promoting_the_champion_changes_nothing(store: Store) -> None:
    assert promote(store, "delay", Version(1), by="ann") == store.head("delay")
    assert store.head("delay").revision == 1
    assert promote(store, "delay", Version(2), by="ann").revision == 2
    with pytest.raises(NotFound, match="delay@4"):
        promote(store, "delay", Version(4), by="ann")


def test_rollbacks_go_back_one_by_one(store: Store) -> None:
    for version in (2, 3):
        promote(store, "delay", Version(version), by="ann")
    assert [rollback(store, "delay", by="ann").champion for _ in range(2)] == [2, 1]
    with pytest.raises(NotFound, match="no champion before 1"):
        rollback(store, "delay", by="ann")
    promote(store, "delay", Version(3), by="ann")
    assert rollback(store, "delay", by="ann").champion == 1


@given(st.lists(st.integers(1, 4), max_size=30), st.integers(1, 30))
def test_rollbacks_undo_promotions(champions: list[int], steps: int) -> None:
    """From any history, promoting new versions and rolling back as often leads through the same champions."""
    head = first_head("delay", Version(1), by="ann", at_ms=0)
    heads = [head]
    for champion in [*champions, *range(100, 100 + steps)]:
        heads.append(heads[-1].next(champion=Version(champion), by="ann", at_ms=0))
    path = path_of(heads)
    assert path[-steps:] == list(range(100, 100 + steps))
    for _ in range(steps):
        heads.append(heads[-1].next(champion=path_of(heads)[-2], by="ann", at_ms=0))
    assert path_of(heads) == path[:-steps]
    assert heads[-1].champion == path[-steps - 1]


def test_waiting_ends_when_the_last_worker_follows(store: Store, clock: MovedClock) -> None:
    report(store, clock, "w0", 2)
    report(store, clock, "w1", 1)
    head = promote(store, "delay", Version(2), by="ann")
    late = threading.Timer(0.05, report, (store, clock, "w1", 2))
    late.start()
    found = adopted_within(store, head, 3600.0, clock)
    assert [len(each) for each in (found.adopted, found.waiting, found.refused)] == [2, 0, 0]


def test_waiting_ends_with_its_time(store: Store, clock: MovedClock) -> None:
    report(store, clock, "w0", 1)
    report(store, clock, "w1", 1, refused=2)
    head = promote(store, "delay", Version(2), by="ann")
    found = adopted_within(store, head, 5.0, clock)
    assert [[each.worker for each in part] for part in (found.adopted, found.waiting, found.refused)] == [[], ["w0"], ["w1"]]


def test_a_worker_that_is_gone_is_not_waited_for(store: Store, clock: MovedClock) -> None:
    report(store, clock, "w0", 1)
    head = promote(store, "delay", Version(2), by="ann")
    found = adopted_within(store, head, 3600.0, clock)
    assert found.waiting == found.refused == found.adopted == ()
