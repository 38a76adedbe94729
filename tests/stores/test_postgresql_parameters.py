import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from instream.errors import StoreError
from instream.head import Revision
from instream.report import Report
from instream.stores import Store, open_for_publishing, open_store
from instream.stores.parameter_rows import Row
from instream.stores.parameters import Parameters
from instream.stores.postgresql import PostgreSQLBackend
from instream.testing.packages import tiny_package
from instream.testing.postgresql import Postgres
from instream.testing.stores import ParameterLaws

pytestmark = pytest.mark.slow

SET = "5e7"
INSERT = "INSERT INTO instream.parameter (place, key, revision, writer, payload) VALUES ('5e7', %s, 7, 'w', 'x')"
BOUND = "?statement_ms=500&connect_s=2"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as started:
        yield started


@pytest.fixture
def database(server: Postgres) -> str:
    return server.database()


@pytest.fixture
def opened() -> Iterator[Callable[[str], Store]]:
    stores: list[Store] = []

    def opens(url: str) -> Store:
        stores.append(open_store(url))
        return stores[-1]

    yield opens
    for each in stores:
        each.close()


@pytest.fixture
def parameters(database: str, opened: Callable[[str], Store]) -> Parameters:
    return opened(database).parameters_of(SET)


@pytest.fixture
def own() -> Iterator[Postgres]:
    """A server to be harmed."""
    with Postgres() as started:
        yield started


def name_of(url: str) -> str:
    return urlsplit(url).path[1:]


def told(parameters: Parameters, cursor: str, limit: int = 100) -> tuple[list[str], str]:
    """All that moved, and where to go on from."""
    keys: list[str] = []
    while (seen := parameters.changes(cursor, limit)).keys:
        keys, cursor = [*keys, *seen.keys], seen.cursor
        assert not seen.reset
    return keys, seen.cursor


class TestPostgreSQLParameters(ParameterLaws):
    @pytest.fixture
    def url(self, database: str) -> str:
        return database


@pytest.mark.parametrize("limit", [1, 100])
def test_the_first_to_begin_ends_last(database: str, parameters: Parameters, limit: int) -> None:
    """Law 6: numbers of rows or transactions would hide the early one."""
    cursor = parameters.cursor()
    with psycopg.connect(database) as early, psycopg.connect(database) as late:
        early.execute(INSERT, ["s:early"])
        late.execute(INSERT, ["s:late"])
        late.commit()
        keys, cursor = told(parameters, cursor, limit)
        assert keys == ["s:late"]
        assert told(parameters, cursor, limit)[0] == []
        early.commit()
        assert told(parameters, cursor, limit)[0] == ["s:early"]


def test_one_that_ends_between_pages(database: str, parameters: Parameters) -> None:
    """Law 6: a row that sorts before the page which was read last, and shows only then, is told after the pages."""
    cursor = parameters.cursor()
    with psycopg.connect(database) as early:
        early.execute(INSERT, ["s:early"])
        parameters.write({f"i:{each}": b"x" for each in range(9)})
        first = parameters.changes(cursor, 4)
        early.commit()
        parameters.write({"s:last": b"x"})
        rest, cursor = told(parameters, first.cursor, 4)
    assert sorted([*first.keys, *rest]) == sorted(["s:early", *(f"i:{each}" for each in range(9)), "s:last"])
    assert told(parameters, cursor)[0] == []


def test_pages_are_in_one_order(database: str, opened: Callable[[str], Store]) -> None:
    """Law 7: numbers are ordered as numbers, so a page goes on after the greatest of the last one and tells nothing twice."""
    rows = opened(database).backend.parameters  # type: ignore[attr-defined]
    cursor = rows.cursor(SET)
    rows.append(SET, [Row("i:1", revision, "w", b"x") for revision in (9, 10, 11, 12)])
    first = rows.moved(SET, cursor, 2)
    second = rows.moved(SET, first.cursor, 2)
    assert (first.keys, second.keys, rows.moved(SET, second.cursor, 2).keys) == (("i:1",), ("i:1",), ())


def test_a_transaction_that_lasts_and_one_that_is_undone(database: str, parameters: Parameters) -> None:
    """Nothing is told twice because of one that is under way, and nothing of one that is undone."""
    with psycopg.connect(database) as lasting:
        lasting.execute(INSERT, ["s:lasting"])
        cursor = parameters.cursor()
        for each in range(3):
            parameters.write({f"i:{each}": b"x"})
            keys, cursor = told(parameters, cursor)
            assert keys == [f"i:{each}"]
        lasting.rollback()
    assert told(parameters, cursor)[0] == []


def test_rows_of_a_backup(server: Postgres, database: str, parameters: Parameters) -> None:
    """Their transactions have numbers that this server will come to: they neither hide new rows nor keep a reader busy."""
    parameters.write({"i:1": b"x", "i:2": b"x"})
    cursor = parameters.cursor()
    server.execute(name_of(database), "UPDATE instream.parameter SET xid = '1000000000' WHERE key = 'i:1'")
    assert told(parameters, cursor)[0] == []
    parameters.write({"i:1": b"y"})
    assert told(parameters, cursor)[0] == ["i:1"]


def test_cursors_of_another_connection(server: Postgres, database: str, parameters: Parameters) -> None:
    cursor = parameters.cursor()
    server.execute(name_of(database), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'instream'")
    parameters.write({"i:1": b"x"})
    seen = parameters.changes(cursor)
    assert (seen.reset, parameters.changes(seen.cursor).reset) == (True, False)
    store, _, _ = cursor.partition("/")
    for nonsense in ('["a", "1:2:"]', "[", '["a"]', '[1, "1:2:"]', "9:9:"):
        assert parameters.changes(f"{store}/{nonsense}").reset


def test_statements_go_through_the_indexes(database: str, opened: Callable[[str], Store]) -> None:
    """Law 7: a poll and a scan cost what they tell, however long the history is."""
    backend = opened(database).backend
    assert isinstance(backend, PostgreSQLBackend)
    rows = backend.parameters
    for revision in range(40):
        rows.append(SET, [Row(f"i:{each}", revision, "w", b"x" * 20) for each in range(500)])
    snapshot = backend._told("SELECT pg_current_snapshot()::text")[0].rows[0][0].decode()
    rows.append(SET, [Row("i:7", 77, "w", b"x")])
    for _ in range(2):  # without statistics and with them
        moved = plan(backend, rows._moved, SET, snapshot, "", "0", "", "0", "", 10_000)
        assert "Seq Scan on parameter" not in moved
        assert moved.count("parameter_log") >= 2
        assert "Removed by Filter" not in moved
        assert "xid)::text" not in moved  # nothing is sorted as text
        keys = plan(backend, rows._keys, SET, "", 100)
        assert "Seq Scan on parameter" not in keys
        assert max(map(int, re.findall(r"Removed by Filter: (\d+)", keys)), default=0) <= 1  # where they end
        backend._told("ANALYZE instream.parameter")
    assert "rows=501 " in plan(
        backend, rows._moved, SET, "1:1:", "", "0", "", "0", "", 100
    )  # a page reads its transactions, not all that come
    found: list[str] = []
    while page := rows.keys(SET, found[-1] if found else "", 77):
        found += page
    assert found == sorted(f"i:{each}" for each in range(500))
    assert {row.revision for row in rows.newest(SET, found)} == {39, 77}


def plan(backend: PostgreSQLBackend, statement: str, *values: str | int) -> str:
    answer, _ = backend._told(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement}", *values)
    return "".join(f"{line.decode()}\n" for (line,) in answer.rows)


@pytest.mark.parametrize("away", ["kill", "freeze"])
def test_a_server_that_goes_away(own: Postgres, opened: Callable[[str], Store], away: str) -> None:
    """Law 5: each call ends in time; what was acknowledged is there, and a follower ends with the newest."""
    url = own.database() + BOUND
    writer, reader = opened(url).parameters_of(SET), opened(url).parameters_of(SET)
    stop = threading.Event()
    acknowledged, seen, failures = [-1], [-1], [0, 0]

    def write() -> None:
        for number in range(1_000_000):
            if stop.is_set():
                return
            try:
                writer.write({"i:1": b"%d" % number})
                acknowledged.append(number)
            except StoreError:
                failures[0] += 1
            time.sleep(0.005)

    def follow() -> None:
        cursor = ""
        while not (stop.is_set() and seen[-1] >= acknowledged[-1]):
            start = time.monotonic()
            try:
                cursor = reader.changes(cursor, timeout_s=0.2).cursor
                seen.extend(int(each.payload or b"-1") for each in reader.read(["i:1"]).values())
            except StoreError:
                failures[1] += 1
                time.sleep(0.01)
            assert time.monotonic() - start < 10

    with ThreadPoolExecutor(2) as pool:
        following, writing = pool.submit(follow), pool.submit(write)
        for _ in range(2):
            time.sleep(0.5)
            getattr(own, away)()
            time.sleep(2.0)
            if away == "kill":
                own.start()
            else:
                own.thaw()
            before = len(acknowledged)
            deadline = time.monotonic() + 20
            while len(acknowledged) < before + 10 and time.monotonic() < deadline:
                time.sleep(0.05)
            assert len(acknowledged) >= before + 10
        stop.set()
        writing.result(timeout=30)
        following.result(timeout=30)
    assert all(failures)
    assert seen == sorted(seen)


def test_five_hundred_writes_a_second(database: str, opened: Callable[[str], Store]) -> None:
    """Law 6: the reader has the last value, and each within a second."""
    backends = [opened(database).backend for _ in range(4)]
    reader = opened(database).parameters_of(SET)
    written: list[tuple[int, float]] = []
    seen: list[tuple[int, float]] = []
    lasts_s, each_s = 6.0, 1 / 500
    start, done = time.monotonic() + 0.2, threading.Event()

    def write(nth: int) -> None:
        backend = backends[nth]
        assert isinstance(backend, PostgreSQLBackend)
        for number in range(nth, int(lasts_s / each_s), len(backends)):
            time.sleep(max(0.0, start + number * each_s - time.monotonic()))
            backend.parameters.append(SET, [Row("i:1", number, "w", b"%d" % number)])
            written.append((number, time.monotonic()))

    def follow() -> None:
        cursor = reader.cursor()
        while not done.is_set() or reader.changes(cursor).keys:
            found = reader.changes(cursor, timeout_s=0.2)
            cursor = found.cursor
            seen.extend((each.revision, time.monotonic()) for each in reader.read(found.keys).values())

    with ThreadPoolExecutor(5) as pool:
        following = pool.submit(follow)
        for each in [pool.submit(write, nth) for nth in range(len(backends))]:
            each.result()
        took_s = time.monotonic() - start
        done.set()
        following.result(timeout=30)
    assert seen[-1][0] == max(written)[0]
    latencies = sorted(next(at for revision, at in seen if revision >= number) - then for number, then in written)
    p50, p99 = (latencies[int(len(latencies) * share)] for share in (0.5, 0.99))
    print(f"{len(written) / took_s:.0f} writes/s, {len(seen)} seen; latency p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms")
    assert p99 < 1.0


WORKER = ("USAGE ON SCHEMA instream", "SELECT ON ALL TABLES IN SCHEMA instream", "INSERT, DELETE ON instream.report")
PUBLISHER = (*WORKER, "INSERT, DELETE ON instream.row, instream.parameter")


def test_the_least_rights(server: Postgres, database: str, parameters: Parameters, opened: Callable[[str], Store], tmp_path: Path) -> None:
    """The grants of docs/stores.md: a worker reads, follows and reports; a publisher writes besides."""
    name = name_of(database)
    server.execute(name, f"CREATE ROLE r_{name} LOGIN PASSWORD 'r'", f"CREATE ROLE p_{name} LOGIN PASSWORD 'p'")
    for role, grants in (("r", WORKER), ("p", PUBLISHER)):
        server.execute(name, *(f"GRANT {each} TO {role}_{name}" for each in grants))
    worker, publishing = (opened(server.url(name, f"{role}_{name}", role)) for role in "rp")
    version = publishing.put(tiny_package(tmp_path))
    report = Report(name="delay", pipeline="p", worker="w", revision=Revision(1), versions=(version,), at_ms=time.time_ns() // 10**6)
    worker.report(report)
    worker.keep_hot_keys("delay", "w", ["i:1"])
    assert publishing.reports("delay") == (report,)
    assert publishing.hot_keys("delay") == ("i:1",)
    worker.withdraw(report)
    with pytest.raises(StoreError, match="for who publishes also INSERT"):
        worker.put(tiny_package(tmp_path, weight=3.0))
    reader, publisher = worker.parameters_of(SET), publishing.parameters_of(SET)
    cursor = reader.cursor()
    for _ in range(200):  # now and then it trims
        publisher.write({"i:1": b"x"})
    assert set(told(reader, cursor)[0]) == {"i:1"}  # in pages
    assert reader.read(["i:1"])["i:1"].payload == b"x"
    assert reader.scan() == ["i:1"]
    with pytest.raises(StoreError, match="for who publishes also INSERT"):
        reader.write({"i:1": b"y"})
    publisher.clear()
    assert reader.scan() == []


def test_an_older_store_gains_the_parameters(server: Postgres, database: str, tmp_path: Path, opened: Callable[[str], Store]) -> None:
    version = opened(database).put(tiny_package(tmp_path))
    name = name_of(database)
    server.execute(
        name,
        "DROP TABLE instream.parameter, instream.report",
        "UPDATE instream.schema_version SET version = 1",  # as schema 1 was
        f"CREATE ROLE o_{name} LOGIN PASSWORD 'o'",
        f"GRANT USAGE ON SCHEMA instream TO o_{name}",
        f"GRANT SELECT, INSERT, DELETE ON instream.row TO o_{name}",
        f"GRANT SELECT ON instream.schema_version TO o_{name}",
    )
    with pytest.raises(StoreError, match=r"schema version 1, this instream needs 3.*let the owner"):
        opened(server.url(name, f"o_{name}", "o"))
    with pytest.raises(StoreError, match=r"schema version 1, this instream needs 3.*instream store init"):
        open_for_publishing(database)  # only who was told to changes tables
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(opened, [database] * 8))
    stores[0].parameters("delay", version).write({"i:1": b"x"})
    assert {store.parameters("delay", version).read(["i:1"])["i:1"].payload for store in stores} == {b"x"}
    assert opened(server.url(name, f"o_{name}", "o")).versions("delay") == (version,)
