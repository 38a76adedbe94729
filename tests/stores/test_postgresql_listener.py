"""A follower of parameters hears of writes, and misses none when it does not hear."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from instream.stores import Store, open_store
from instream.stores.parameters import Parameters
from instream.stores.postgresql import PostgreSQLBackend
from instream.stores.postgresql_link import Answer, Link
from instream.testing.postgresql import Postgres

pytestmark = pytest.mark.slow

SET = "5e7"
LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as started:
        yield started


@pytest.fixture
def database(server: Postgres) -> str:
    return server.database()


@pytest.fixture
def ask(server: Postgres, database: str) -> Callable[[str], int]:
    """A number that the server tells."""
    return lambda statement: int(server.execute(urlsplit(database).path[1:], statement)[0][0])


@pytest.fixture
def opened(database: str) -> Iterator[Callable[[], Store]]:
    stores: list[Store] = []

    def opens() -> Store:
        stores.append(open_store(database))
        return stores[-1]

    yield opens
    for each in stores:
        each.close()


def until(holds: Callable[[], bool], within_s: float = 20.0) -> float:
    """How long it took."""
    start = time.monotonic()
    while not holds():
        assert time.monotonic() < start + within_s
        time.sleep(0.002)
    return time.monotonic() - start


def listens(store: Store) -> None:
    assert isinstance(store.backend, PostgreSQLBackend)
    rows = store.backend.parameters
    until(lambda: bool(rows.mark()) and rows.poll_s == 0.01)


@contextmanager
def following(parameters: Parameters) -> Iterator[dict[str, float]]:
    """When each key was told first."""
    told: dict[str, float] = {}
    done = threading.Event()

    def follow() -> None:
        cursor = parameters.cursor()
        told["ready"] = time.monotonic()
        while not done.is_set():
            found = parameters.changes(cursor, timeout_s=0.5)
            assert not found.reset
            cursor = found.cursor
            for key in found.keys:
                told.setdefault(key, time.monotonic())

    with ThreadPoolExecutor(1) as pool:
        end = pool.submit(follow)
        until(lambda: "ready" in told)
        yield told
        done.set()
        end.result(timeout=30)


def test_who_waits_asks_little_and_hears_at_once(opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = opened(), opened().parameters_of(SET)
    listens(reader)
    asked: list[str] = []
    real = Link.ask

    def counted(link: Link, statement: str, *values: str | int | bytes) -> Answer:
        asked.append(statement)
        return real(link, statement, *values)

    parameters = reader.parameters_of(SET)
    cursor = parameters.cursor()
    monkeypatch.setattr(Link, "ask", counted)
    assert parameters.changes(cursor, timeout_s=3.0).keys == ()
    assert 4 <= len(asked) <= 9  # each half second
    monkeypatch.setattr(Link, "ask", real)
    waits = []
    with following(parameters) as told:
        for each in range(100):
            writer.write({f"i:{each}": b"x"})
            written = time.monotonic()
            until(lambda each=each: f"i:{each}" in told)  # type: ignore[misc]
            waits.append(told[f"i:{each}"] - written)
            time.sleep(0.013)
    waits.sort()
    print(f"{len(asked) / 3:.1f} statements/s while idle; heard p50 {waits[50] * 1e3:.1f} ms, p99 {waits[98] * 1e3:.1f} ms")
    assert waits[50] < 0.05


def test_the_listener_dies(opened: Callable[[], Store], ask: Callable[[str], int]) -> None:
    """Each time just before a write; polls go on at once, and then somebody listens again."""
    reader, writer = opened(), opened().parameters_of(SET)
    longest_s = 0.0
    with following(reader.parameters_of(SET)) as told:
        for each in range(10):
            until(lambda: ask(f"SELECT count(*) {LISTENERS}") == 1)
            assert ask(f"SELECT count(pg_terminate_backend(pid)) {LISTENERS}") == 1
            writer.write({f"i:{each}": b"x"})
            longest_s = max(longest_s, until(lambda each=each: f"i:{each}" in told))  # type: ignore[misc]
    print(f"seen within {longest_s * 1e3:.0f} ms")
    assert longest_s < 0.25


def test_nobody_told(server: Postgres, database: str, opened: Callable[[], Store]) -> None:
    """A writer that died after its commit, or a pooler: the rows are the truth."""
    reader = opened()
    listens(reader)
    insert = "INSERT INTO instream.parameter (place, key, revision, writer, payload) VALUES ('5e7', 'i:1', 7, 'w', 'x')"
    with following(reader.parameters_of(SET)) as told:
        server.execute(urlsplit(database).path[1:], insert)
        assert until(lambda: "i:1" in told) < 1.0


def test_who_may_not_tell_writes(server: Postgres, database: str, opened: Callable[[], Store]) -> None:
    writer = opened().parameters_of(SET)
    name = urlsplit(database).path[1:]
    server.execute(name, "ALTER FUNCTION pg_catalog.pg_notify(text, text) RENAME TO pg_gone")
    writer.write({"i:1": b"x"})
    assert writer.read(["i:1"])["i:1"].payload == b"x"


def test_connections(opened: Callable[[], Store], ask: Callable[[str], int]) -> None:
    """One for who writes or reads, another for who waits; none after the end."""
    ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'instream'"
    store = opened()
    parameters = store.parameters_of(SET)
    parameters.write({"i:1": b"x"})
    parameters.changes(parameters.cursor())
    assert ask(ours) == 1
    listens(store)
    assert ask(ours) == 2
    store.close()
    until(lambda: ask(ours) == 0, within_s=2.0)
    until(lambda: "postgresql-listener" not in {each.name for each in threading.enumerate()})
