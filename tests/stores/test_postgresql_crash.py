"""Parameters in a PostgreSQL that dies, and writers on machines whose clocks are wrong."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from instream.errors import StoreError
from instream.flow.clock import SystemClock
from instream.stores import Store, open_store
from instream.testing.postgresql import Postgres
from instream.testing.stores.fixtures import at_once

pytestmark = pytest.mark.slow

SET = "5e7"
BATCH = 50


@pytest.fixture
def server() -> Iterator[Postgres]:
    """To be harmed."""
    with Postgres() as started:
        yield started


@pytest.fixture
def opened() -> Iterator[Callable[..., Store]]:
    stores: list[Store] = []

    def opens(url: str, wrong_s: int = 0) -> Store:
        stores.append(open_store(url, clock=Wrong(wrong_s)))
        return stores[-1]

    yield opens
    for each in stores:
        each.close()


class Wrong(SystemClock):
    """The clock of a machine that is ahead, or behind."""

    def __init__(self, ahead_s: int) -> None:
        self.ahead_s = ahead_s

    def wall_ms(self) -> int:
        return super().wall_ms() + self.ahead_s * 1_000


def test_killed_among_batches(server: Postgres, opened: Callable[..., Store]) -> None:
    """Law 6: what was acknowledged is there, and a follower was told each key, or to look at all again."""
    url = server.database() + "?statement_ms=1000&connect_s=2"
    writer, reader = opened(url).parameters_of(SET), opened(url).parameters_of(SET)
    acknowledged: dict[str, int] = {}
    told: set[str] = set()
    stop, done, resets, failed = threading.Event(), threading.Event(), [0], [0]

    def write() -> None:
        number = 0
        while not stop.is_set():
            batch = {f"i:{number * BATCH + each}": b"x" * 200 for each in range(BATCH)}
            try:
                acknowledged.update(writer.write(batch))
                number += 1
            except StoreError:  # the same again
                failed[0] += 1
                time.sleep(0.02)

    def look_at_all() -> None:
        last = ""
        while page := reader.scan(last):
            told.update(page)
            last = page[-1]

    def follow() -> None:
        cursor = ""
        while True:
            last = done.is_set()
            try:
                found = reader.changes(cursor, 300, timeout_s=0.0 if last else 0.1)
                if found.reset:
                    resets[0] += 1
                    look_at_all()
            except StoreError:
                time.sleep(0.02)
                continue
            cursor = found.cursor
            told.update(found.keys)
            if last and not found.keys and not found.reset:
                return

    with ThreadPoolExecutor(2) as pool:
        writing, following = pool.submit(write), pool.submit(follow)
        for _ in range(3):
            time.sleep(0.7)
            server.kill()
            server.start()
        time.sleep(0.7)
        stop.set()
        writing.result(timeout=30)
        done.set()
        following.result(timeout=30)
    keys = sorted(acknowledged)
    print(f"{len(keys):,} keys, {failed[0]} batches failed, {resets[0]} resets")
    assert failed[0] >= 1
    assert 2 <= resets[0] <= 8
    assert set(keys) - told == set()
    there = {key: each.revision for at in range(0, len(keys), 500) for key, each in reader.read(keys[at : at + 500]).items()}
    assert {key for key in keys if there.get(key, 0) < acknowledged[key]} == set()


def test_twenty_machines_of_which_some_are_wrong(server: Postgres, opened: Callable[..., Store]) -> None:
    """Law 5: the server's clock counts. All writes are in the history, and who wrote last is in force."""
    url = server.database()
    stores = [opened(url, (-300, 0, 300)[each % 3]) for each in range(20)]
    for store in stores:
        before_us = time.time_ns() // 1_000
        revision = store.parameters_of(SET).write({"i:2": b"x"})["i:2"]
        assert before_us - 1_000_000 < revision < before_us + 60_000_000
    revisions: list[int] = []

    def write(nth: int) -> None:
        revisions.extend(stores[nth].parameters_of(SET).write({"i:1": b"%d.%d" % (nth, each)})["i:1"] for each in range(4))

    assert [each for each in at_once(write, list(range(20))) if isinstance(each, Exception)] == []
    histories = [store.parameters_of(SET).history("i:1", 100) for store in stores]
    assert all(each == histories[0] for each in histories)
    assert {each.payload for each in histories[0]} == {b"%d.%d" % (nth, each) for nth in range(20) for each in range(4)}
    assert {store.parameters_of(SET).read(["i:1"])["i:1"] for store in stores} == {histories[0][0]}
    assert histories[0][0].revision == max(revisions)
    stores[2].parameters_of(SET).write({"i:1": b"last, from a clock ahead"})
    stores[0].parameters_of(SET).write({"i:1": b"last, from a clock behind"})
    assert stores[1].parameters_of(SET).read(["i:1"])["i:1"].payload == b"last, from a clock behind"
