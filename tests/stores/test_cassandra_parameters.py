"""Parameters on one real node that dies or stands still, and the log that followers look back over."""

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace

import pytest

from instream.errors import StoreError
from instream.flow.points import VARIABLE
from instream.stores import open_store
from instream.stores.cassandra_log import OVERLAP_US
from instream.stores.cassandra_parameters import PAYLOAD_BYTES_MAX, CassandraParameters
from instream.stores.parameter_rows import Row
from instream.stores.parameters import Parameters
from instream.testing.cassandra import Node
from instream.testing.clocks import MovedClock
from instream.testing.stores.fixtures import at_once
from instream.testing.stores.sharing import started

pytestmark = pytest.mark.slow

SET = "5e7"
MINUTE_US = 60_000_000


@dataclass
class Load:
    """Three threads that write keys of their own, and one that follows."""

    parameters: Parameters
    follower: Parameters
    cursor: str
    ends: threading.Event = field(default_factory=threading.Event)
    kept: dict[str, set[int]] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    failed: int = 0

    def write(self, me: int) -> None:
        random = Random(me)
        while not self.ends.is_set():
            keys = random.sample([f"i:{me}|i:{number}" for number in range(20)], 3)
            try:
                for key, revision in self.parameters.write(dict.fromkeys(keys, b"x")).items():
                    self.kept.setdefault(key, set()).add(revision)
            except StoreError:
                self.failed += 1
                time.sleep(0.1)

    def follow(self) -> None:
        while not self.ends.is_set():
            self.look()

    def in_force(self) -> dict[str, int]:
        return {key: each.revision for key, each in self.parameters.read(list(self.known)).items()}

    def look(self) -> bool:
        try:
            moved = self.follower.changes(self.cursor, timeout_s=0.3)
            self.known |= {key: each.revision for key, each in self.follower.read(moved.keys).items()}
        except StoreError:
            return True
        assert not moved.reset
        self.cursor = moved.cursor
        return bool(moved.keys)


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_a_fault_while_several_write_and_one_follows(node: Node, fresh: str, fault: str) -> None:
    """Laws 5, 6: every write that was acknowledged is there afterwards, and was told."""
    writing, following = open_store(f"{fresh}&request_ms=2000"), open_store(f"{fresh}&request_ms=2000")
    follower = following.parameters_of(SET)
    load = Load(writing.parameters_of(SET), follower, follower.cursor())
    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load.follow), *(pool.submit(load.write, each) for each in range(3))]
        time.sleep(2)
        before = sum(map(len, load.kept.values()))
        if fault == "kill":
            node.kill()
            node.start()
        else:
            node.freeze()
            time.sleep(5)
            node.thaw()
        end = time.monotonic() + 30
        while sum(map(len, load.kept.values())) < 2 * before and time.monotonic() < end:
            time.sleep(0.2)
        load.ends.set()
        for each in running:
            each.result()
    assert load.failed > 0
    assert sum(map(len, load.kept.values())) >= 2 * before
    while load.look():
        pass
    for key, revisions in load.kept.items():
        history = [each.revision for each in load.parameters.history(key, 200)]
        assert len(history) == 100 or revisions <= set(history)
        assert load.known[key] >= max(revisions)
    end = time.monotonic() + 2 * OVERLAP_US / 1e6  # what was written and not acknowledged is told later
    while load.known != load.in_force() and time.monotonic() < end:
        load.look()
    assert load.known == load.in_force()
    writing.close()
    following.close()


def test_a_writer_whose_machine_is_five_minutes_ahead(fresh: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 5: the store's clock orders writers. The one that wrote last wins, and is seen."""
    ahead = MovedClock()
    ahead.move(300)
    first, second, third = open_store(fresh, clock=ahead), open_store(fresh), open_store(fresh)
    reader = third.parameters_of(SET)
    with monkeypatch.context() as patch:
        now, now_ns = time.time, time.time_ns
        patch.setattr(time, "time", lambda: now() + 300)
        patch.setattr(time, "time_ns", lambda: now_ns() + 300_000_000_000)
        wrong = first.parameters_of(SET).write({"i:1": b"A"})["i:1"]
    cursor = reader.cursor()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.changes, cursor, timeout_s=20)
        time.sleep(0.3)
        began = time.monotonic()
        right = second.parameters_of(SET).write({"i:1": b"B"})["i:1"]
        assert waiting.result().keys == ("i:1",)
        assert time.monotonic() - began < 2
    assert reader.read(["i:1"])["i:1"].payload == b"B"
    assert 0 < right - wrong < MINUTE_US
    for store in (first, second, third):
        store.close()


def test_twenty_publishers_of_one_key(fresh: str) -> None:
    """Law 5: through connections of their own; all are in the history, and everybody agrees on the one in force."""
    stores = [open_store(f"{fresh}&request_ms=60000") for _ in range(5)]
    results = at_once(lambda each: stores[each % 5].parameters_of(SET).write({"i:1": b"%d" % each}), range(20))
    assert [each for each in results if isinstance(each, Exception)] == []
    history = stores[0].parameters_of(SET).history("i:1", 50)
    assert sorted(int(each.payload or b"") for each in history) == list(range(20))
    assert {each.parameters_of(SET).read(["i:1"])["i:1"].payload for each in stores} == {history[0].payload}
    for store in stores:
        store.close()


@pytest.mark.parametrize(("point", "there"), [(1, False), (2, True)])
def test_a_killed_writer(fresh: str, monkeypatch: pytest.MonkeyPatch, point: int, there: bool) -> None:
    """Law 6: rows whose writer died before it could tell of them are told all the same, a little later."""
    monkeypatch.setattr("instream.stores.cassandra_log.OVERLAP_US", 3_000_000)
    store = open_store(fresh)
    parameters = store.parameters_of(SET)
    cursor = parameters.cursor()
    process = started("write", fresh, SET, "i:1", **{VARIABLE: f"parameters:{point}"})
    _, errors = process.communicate("go\n", timeout=60)
    assert (process.returncode, "killed at parameters" in errors) == (-9, True)
    assert set(parameters.read(["i:1"])) == ({"i:1"} if there else set())
    told = parameters.changes(cursor, timeout_s=20)
    assert told.keys == ("i:1",)
    assert parameters.changes(told.cursor, timeout_s=4).keys == ()
    parameters.write({"i:1": b"again"})
    assert parameters.changes(told.cursor).keys == ("i:1",)
    store.close()


class TestLog:
    """Entries at times of this test's choice."""

    @pytest.fixture
    def rows(self, fresh: str) -> Iterator[CassandraParameters]:
        store = open_store(fresh)
        yield store.backend.parameters  # type: ignore[attr-defined]
        store.close()

    def enter(self, rows: CassandraParameters, at: int, *keys: str, done: bool = True) -> None:
        log = rows._log
        rows._link.all([(log._insert, (SET, at // MINUTE_US, at, uuid.uuid4(), done, list(keys)))])

    def test_a_late_entry_is_told_once(self, rows: CassandraParameters) -> None:
        """Law 6: it became visible after others that are younger."""
        cursor = rows.cursor(SET)
        self.enter(rows, rows.now_us(), "i:1")
        first = rows.moved(SET, cursor, 10)
        self.enter(rows, rows.now_us() - OVERLAP_US + 3_000_000, "i:2")
        second = rows.moved(SET, first.cursor, 10)
        assert (first.keys, second.keys) == (("i:1",), ("i:2",))
        assert rows.moved(SET, second.cursor, 10).keys == ()

    def test_an_entry_that_took_too_long_is_made_again(self, rows: CassandraParameters, monkeypatch: pytest.MonkeyPatch) -> None:
        """Law 6: readers may have looked past its time; after three times the writer is told."""
        times = iter([0.0, 11.0, 11.0, 12.0, 12.0, 13.0, *(20.0 * each for each in range(6))])
        with monkeypatch.context() as patch:
            patch.setattr("instream.stores.cassandra_log.time", SimpleNamespace(monotonic=times.__next__))
            rows.append(SET, [Row("i:1", 1, "w", b"x")])
            now = rows.now_us()
            assert [entry.done for entry in rows._log._entries(SET, now - OVERLAP_US, now)] == [False, False, True]
            with pytest.raises(StoreError, match="too slow to tell"):
                rows.append(SET, [Row("i:1", 2, "w", b"x")])

    def test_pages_of_an_old_cursor(self, rows: CassandraParameters) -> None:
        """Laws 6, 7: at most so many at a time, and none is passed over, however old and long its entry."""
        start = rows.now_us() - 10 * MINUTE_US
        for number in range(30):
            self.enter(rows, start + number * 20_000_000, *(f"i:{number}|i:{each}" for each in range(7)), done=number % 3 > 0)
        told, cursor = list[str](), f"{start}."
        while (moved := rows.moved(SET, cursor, 4)).keys:
            assert len(moved.keys) <= 4
            assert not moved.reset
            told, cursor = [*told, *moved.keys], moved.cursor
        expected = {f"i:{number}|i:{each}" for number in range(30) for each in range(7)}
        assert set(told) == expected
        assert len(told) == len(expected)

    def test_a_cursor_of_another_process(self, rows: CassandraParameters) -> None:
        """It tells what is within the overlap once more, and then no more."""
        self.enter(rows, rows.now_us(), "i:1")
        moved = rows.moved(SET, f"{rows.now_us()}.{uuid.uuid4().hex}", 10)
        assert moved.keys == ("i:1",)
        assert rows.moved(SET, moved.cursor, 10).keys == ()

    def test_a_cursor_that_is_too_old(self, rows: CassandraParameters) -> None:
        moved = rows.moved(SET, f"{rows.now_us() - 60 * MINUTE_US}.", 10)
        assert moved.reset
        assert not rows.moved(SET, moved.cursor, 10).reset


def test_a_keyspace_from_before_there_were_keys(node: Node, fresh: str) -> None:
    """Who may not create tables uses the store for other models, and is told what to do for these."""
    keyspace = fresh.rpartition("/")[2].partition("?")[0]
    open_store(fresh).close()
    node.execute(
        *(f"DROP TABLE {keyspace}.{table}" for table in ("parameter", "parameter_key", "parameter_log")),
        "CREATE ROLE IF NOT EXISTS ben WITH PASSWORD = 'ben' AND LOGIN = true",
        f"GRANT SELECT ON KEYSPACE {keyspace} TO ben",
        f"GRANT MODIFY ON KEYSPACE {keyspace} TO ben",
    )
    few = open_store(node.url(keyspace, "ben", "ben"))
    assert few.names() == ()
    with pytest.raises(StoreError, match=r"parameter_key.*instream store init.*CREATE ON KEYSPACE"):
        few.parameters_of(SET).cursor()
    open_store(fresh).close()
    few.parameters_of(SET).write({"i:1": b"x"})
    assert few.parameters_of(SET).read(["i:1"])["i:1"].payload == b"x"
    few.close()


def test_a_closed_store(fresh: str) -> None:
    store = open_store(fresh)
    parameters = store.parameters_of(SET)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        parameters.read(["i:1"])


def test_parameters_that_are_too_large(fresh: str) -> None:
    store = open_store(fresh)
    with pytest.raises(StoreError, match="Cassandra keeps 8,388,608 at most"):
        store.parameters_of(SET).write({"i:1": bytes(PAYLOAD_BYTES_MAX + 1)})
    assert store.parameters_of(SET).scan() == []
    store.close()
