import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import psycopg
import pytest

from instream.errors import MissingExtra, SettingsInvalid, StoreError
from instream.stores import Store, open_for_publishing, open_store
from instream.stores.backend import UnknownResult, claim, scan
from instream.stores.postgresql import PostgreSQLBackend
from instream.testing.packages import tiny_package
from instream.testing.postgresql import PASSWORD, USER, Postgres
from instream.testing.stores import SharedStoreLaws
from instream.testing.stores.fixtures import at_once

pytestmark = pytest.mark.slow

BOUND = "?statement_ms=500&connect_s=2"
BOUND_S = 0.5 + 1.0 + 2.0
"""What the URL allows, for a statement and a connection."""


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """One real server for the whole run; a database for each test."""
    with Postgres() as started:
        yield started


@pytest.fixture
def database(server: Postgres) -> str:
    return server.database()


class TestPostgreSQL(SharedStoreLaws):
    @pytest.fixture
    def url(self, database: str) -> str:
        return database


def name_of(url: str) -> str:
    return urlsplit(url).path[1:]


def refused(url: str) -> str:
    """The message of a store that cannot be opened."""
    with pytest.raises((StoreError, SettingsInvalid)) as caught:
        open_store(url)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_rows_are_ordered_by_bytes_in_any_database(server: Postgres) -> None:
    url = server.database("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    backend = open_store(url).backend
    keys = ["b", "a", "B", "A", "", "ä", "/", "a/", "a-b", "~", "\U0001f600", "\uffee"]
    for key in keys:
        assert backend.insert("p", key, key.encode())
        assert not backend.insert("p", key, b"other")
    ordered = sorted(keys, key=str.encode)
    assert [key for key, _ in backend.newest("p", 100)] == ordered[::-1]
    assert list(scan(backend, "p", "A")) == [(key, key.encode()) for key in ordered if key.encode() > b"A"]
    assert backend.read("p", "") == b""


def test_a_place_of_many_rows_is_cleared(database: str) -> None:
    backend = open_store(database).backend
    for each in range(1203):
        backend.insert("p", str(each), b"")
    backend.insert("q", "kept", b"\0\xff")
    backend.clear("p")
    assert backend.rows("p", "", 10) == []
    assert backend.read("q", "kept") == b"\0\xff"


@pytest.mark.parametrize("key", ["a\0b", "\ud800"])
def test_what_cannot_be_kept_is_refused(database: str, key: str) -> None:
    backend = open_store(database).backend
    for call in (lambda: backend.insert("p", key, b""), lambda: backend.read(key, "k"), lambda: backend.delete("p", key)):
        with pytest.raises(StoreError, match="rename it"):
            call()
    with pytest.raises(StoreError, match="too long"):
        backend.insert("p", Random(0).randbytes(8000).hex(), b"")
    assert backend.insert("p", "k", b"")


def test_a_mark_moves_when_rows_show_and_not_when_they_are_written(server: Postgres, database: str) -> None:
    """Law 6: of two transactions the first to begin ends last."""
    backend = open_store(database).backend
    assert backend.mark() == backend.mark()
    insert = "INSERT INTO instream.row VALUES ('p', %s, '')"
    with psycopg.connect(database) as early, psycopg.connect(database) as late:
        early.execute(insert, ["early"])
        late.execute(insert, ["late"])
        before = backend.mark()
        late.commit()
        between = backend.mark()
        assert [key for key, _ in backend.rows("p", "", 9)] == ["late"]
        assert between != before
        early.commit()
        assert backend.mark() != between
        assert len(backend.rows("p", "", 9)) == 2
    after = backend.mark()
    backend.delete("p", "late")
    assert backend.mark() != after


class TestAway:
    """A server of its own, to be harmed."""

    @pytest.fixture
    def own(self) -> Iterator[Postgres]:
        with Postgres() as started:
            yield started

    def test_killed_and_started_again(self, own: Postgres, tmp_path: Path) -> None:
        """What was promised is there, and the same store goes on without being opened again."""
        store = open_store(own.database() + BOUND)
        version = store.put(tiny_package(tmp_path))
        mark = store.backend.mark()
        for end in (own.kill, own.stop):
            end()
            own.start()
            assert store.versions("delay") == (version,)
            assert store.backend.mark() != mark
            end()
            own.start()
            assert claim(store.backend, "p", end.__name__, b"mine") == b"mine"  # an insert into a broken connection
            end()
            own.start()
            store.backend.delete("p", end.__name__)
            assert store.backend.read("p", end.__name__) is None
        end()
        with pytest.raises(StoreError, match="server runs") as caught:
            store.head("delay")
        assert PASSWORD not in str(caught.value)
        own.start()
        store.open("delay", version).verify()

    def test_an_insert_into_a_broken_connection_is_in_doubt(self, own: Postgres) -> None:
        backend = open_store(own.database() + BOUND).backend
        own.restart()
        with pytest.raises(UnknownResult, match="not known"):
            backend.insert("p", "k", b"mine")
        assert backend.insert("p", "k", b"mine") or backend.read("p", "k") == b"mine"
        own.freeze()
        with pytest.raises(StoreError, match="no answer in") as caught:
            backend.read("p", "k")
        own.thaw()
        assert not isinstance(caught.value, UnknownResult)  # nothing was to be written

    def test_a_server_that_stands_still(self, own: Postgres, tmp_path: Path) -> None:
        store = open_store(own.database() + BOUND)
        store.put(tiny_package(tmp_path))
        for call in (lambda: store.backend.insert("p", "k", b"mine"), lambda: store.head("delay"), store.backend.mark):
            own.freeze()
            try:
                for _ in range(2):  # on the old connection, and on a new one
                    start = time.monotonic()
                    with pytest.raises(StoreError, match="try again") as caught:
                        call()
                    assert PASSWORD not in str(caught.value)
                    assert time.monotonic() - start < BOUND_S + 2
            finally:
                own.thaw()
            assert store.head("delay").champion == 1
        assert claim(store.backend, "p", "k", b"mine") == b"mine"

    def test_threads_before_a_server_that_stands_still(self, own: Postgres, tmp_path: Path) -> None:
        store = open_store(own.database() + BOUND)
        own.freeze()
        start = time.monotonic()
        ends = at_once(lambda _: store.backend.mark(), range(12))
        assert time.monotonic() - start < 3 * BOUND_S + 2
        own.thaw()
        assert all(isinstance(each, StoreError) for each in ends)
        store.put(tiny_package(tmp_path))

    def test_it_ends_with_the_process_that_started_it(self) -> None:
        """However that ends, and even when it stands still."""
        code = (
            "import os, signal\nfrom instream.testing.postgresql import Postgres\nserver = Postgres().start()\n"
            "print(server.port, flush=True)\nserver.freeze()\nos.kill(os.getpid(), signal.SIGKILL)"
        )
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, timeout=120, check=False, env=os.environ)
        assert done.returncode == -signal.SIGKILL
        deadline = time.monotonic() + 30
        while b"port=" + done.stdout.strip().encode() in commands():
            assert time.monotonic() < deadline
            time.sleep(0.05)


def commands() -> bytes:
    """Command lines of every process."""
    found = b""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += each.read_bytes()
        except OSError:
            continue
    return found


def test_a_slow_statement_is_ended(server: Postgres, database: str) -> None:
    backend = open_store(f"{database}?statement_ms=200").backend
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE instream.row")
        with pytest.raises(StoreError, match="statement_ms=60000") as caught:
            backend.insert("p", "k", b"")
        assert not isinstance(caught.value, UnknownResult)  # the server said that it was not done
    assert backend.insert("p", "k", b"")


def test_what_cannot_be_opened(server: Postgres, database: str) -> None:
    assert "user and password" in refused(server.url(name_of(database), password="wrong"))
    assert "user and password" in refused(server.url(name_of(database), user="nobody"))
    assert "createdb" in refused(server.url("absent"))
    assert "server runs" in refused(f"postgresql://{USER}:{PASSWORD}@127.0.0.1:1/db")
    assert "DNS" in refused(f"postgresql://{USER}:{PASSWORD}@absent.invalid/db")
    assert "ENCODING 'UTF8'" in refused(server.database("TEMPLATE template0 ENCODING 'SQL_ASCII'"))
    assert "***@127" in refused(server.url("absent"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgresql:///db",
        "postgresql://host/db",
        "postgresql://ann:ann-secret@host",
        "postgresql://ann:ann-secret@host:port/db",
        "postgresql://ann:ann-secret@host:0/db",
        "postgresql://ann:ann-secret@host/db/more",
        "postgresql://ann:ann-secret/x@host/db",
        "postgresql://ann:ann-secret?x@host/db",
        "postgresql://ann:ann-secret#x@host/db",
        "postgresql://ann:ann-secret@host/db?schema=A",
        "postgresql://ann:ann-secret@host/db?schema=a%22b",
        "postgresql://ann:ann-secret@host/db?statement_ms=0",
        "postgresql://ann:x@host/db?password=ann-secret",
        "postgresql://ann:x@host/db?pasword=ann-secret",
        "postgresql://ann:ann-secret%00@host/db%00",
        "postgresql://[::1:ann-secret@host/db",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    assert refused(url)


def test_a_store_of_another_instream(server: Postgres, database: str) -> None:
    open_store(database).close()
    server.execute(name_of(database), "UPDATE instream.schema_version SET version = 4")
    assert "schema version 4, this instream knows 3; upgrade instream" in refused(database)


def test_a_schema_of_something_else(server: Postgres, database: str) -> None:
    server.execute(name_of(database), "CREATE SCHEMA shop", "CREATE TABLE shop.orders (id int)")
    assert "name another schema" in refused(f"{database}?schema=shop")
    open_store(f"{database}?schema=models").close()
    one, two = open_store(f"{database}?schema=models"), open_store(database)
    assert one.cursor() != two.cursor()  # two stores in one database


def test_few_rights(server: Postgres, database: str, tmp_path: Path) -> None:
    """Who may neither create nor own anything works with a store that is there; and is told what is lacking."""
    name = name_of(database)
    user = f"bob_{name}"
    server.execute(name, f"CREATE ROLE {user} LOGIN PASSWORD 'b:/@?#%'")
    url = server.url(name, user, "b%3A%2F%40%3F%23%25")
    assert "let the owner" in refused(url)
    open_store(database).close()
    assert f'TO "{user}"' in refused(url)
    server.execute(
        name,
        f"GRANT USAGE ON SCHEMA instream TO {user}",
        f"GRANT SELECT, INSERT, DELETE ON instream.row, instream.report TO {user}",
        f"GRANT SELECT ON instream.schema_version TO {user}",
    )
    store = open_store(url)
    assert store.put(tiny_package(tmp_path)) == 1
    store.collect()
    server.execute(name, f"REVOKE INSERT ON instream.row FROM {user}")
    with pytest.raises(StoreError, match="GRANT USAGE"):
        store.put(tiny_package(tmp_path, weight=3.0))


def test_who_publishes_makes_no_tables(database: str) -> None:
    with pytest.raises(StoreError, match="instream store init"):
        open_for_publishing(database)
    open_store(database).close()
    assert open_for_publishing(database).names() == ()


def test_twenty_open_a_new_database_at_once(database: str) -> None:
    stores = at_once(open_store, [database] * 20)
    assert [each for each in stores if isinstance(each, Exception)] == []
    assert len({each.cursor() for each in stores if isinstance(each, Store)}) == 1  # they agree on which store it is
    for each in stores:
        assert isinstance(each, Store)
        each.close()


def test_after_close(database: str) -> None:
    store = open_store(database)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.head("delay")


def test_commits_are_durable_whatever_the_default_is(server: Postgres, database: str) -> None:
    server.execute("postgres", f"ALTER DATABASE {name_of(database)} SET synchronous_commit = off")
    server.execute("postgres", f"ALTER DATABASE {name_of(database)} SET default_transaction_isolation = serializable")
    backend = open_store(database).backend
    assert isinstance(backend, PostgreSQLBackend)
    for setting, value in (("synchronous_commit", b"on"), ("default_transaction_isolation", b"read committed")):
        assert backend._ask(f"SELECT current_setting('{setting}')").rows == [(value,)]


def test_without_psycopg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "instream.stores.postgresql", None)
    with pytest.raises(MissingExtra, match=r"instream\[postgresql\]"):
        open_store("postgresql://ann@h/db")
