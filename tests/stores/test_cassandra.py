import threading
import time
from pathlib import Path

import pytest

from instream.errors import MissingExtra, SettingsInvalid, StoreError
from instream.head import Revision
from instream.report import Report
from instream.stores import Store, open_for_publishing, open_store
from instream.stores.backend import UnknownResult
from instream.testing.cassandra import Node
from instream.testing.packages import tiny_package
from instream.testing.stores import ParameterLaws, SharedStoreLaws
from instream.testing.stores.fixtures import at_once

pytestmark = pytest.mark.slow


class TestCassandra(SharedStoreLaws):
    @pytest.fixture
    def url(self, fresh: str) -> str:
        return f"{fresh}&request_ms=60000"  # twenty processes open it at once, on a machine that has other tests to run


class TestCassandraParameters(ParameterLaws):
    @pytest.fixture
    def url(self, fresh: str) -> str:
        return fresh


def test_twenty_open_a_new_keyspace_at_once(fresh: str) -> None:
    stores = at_once(open_store, [fresh] * 20)
    opened = [each for each in stores if isinstance(each, Store)]
    cursors = {each.cursor() for each in opened}
    for each in opened:
        each.close()
    assert [each for each in stores if isinstance(each, Exception)] == []
    assert len(cursors) == 1  # they agree on which store it is


def test_a_keyspace_that_was_dropped_is_made_anew(node: Node, tmp_path: Path) -> None:
    """Its tables have the ids of the dropped ones, and none of their rows."""
    keyspace = node.keyspace()
    for _ in range(2):
        store = open_store(node.url(keyspace))
        assert store.put(tiny_package(tmp_path)) == 1
        assert len(store.heads("delay")) == 1
        store.close()
        node.execute(f"DROP KEYSPACE {keyspace}")


def test_a_node_that_dies_between_two_calls(node: Node, fresh: str, tmp_path: Path) -> None:
    """`kill -9`: what was kept is there, and the open store finds the node again."""
    store = open_store(fresh)
    store.put(tiny_package(tmp_path))
    node.kill()
    node.start()
    assert store.head("delay").champion == 1
    assert store.put(tiny_package(tmp_path, weight=5.0)) == 2
    store.close()


def test_a_node_that_is_gone(node: Node, fresh: str, tmp_path: Path) -> None:
    store = open_store(f"{fresh}&request_ms=1000")
    store.put(tiny_package(tmp_path))
    node.kill()
    try:
        began = time.monotonic()
        with pytest.raises(StoreError, match=r"no node answers.*nodes are up"):
            store.head("delay")
        with pytest.raises(StoreError, match="no node answers"):
            store.put(tiny_package(tmp_path, weight=5.0))
        assert time.monotonic() - began < 10
    finally:
        node.start()
    assert store.put(tiny_package(tmp_path, weight=5.0)) == 2
    store.close()


def test_a_node_that_is_frozen(node: Node, fresh: str, tmp_path: Path) -> None:
    """Every call ends within its bound; afterwards the same store goes on."""
    store = open_store(f"{fresh}&request_ms=1000")
    store.put(tiny_package(tmp_path))
    node.freeze()
    try:
        began = time.monotonic()
        with pytest.raises(StoreError, match="request_ms"):
            store.head("delay")
        with pytest.raises(UnknownResult, match="request_ms"):
            store.backend.insert("place", "key", b"1")
        assert time.monotonic() - began < 6
    finally:
        node.thaw()
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            assert store.head("delay").champion == 1
            assert store.put(tiny_package(tmp_path, weight=5.0)) == 2
            break
        except StoreError:
            time.sleep(0.2)
    assert store.versions("delay") == (1, 2)
    store.close()


def test_a_newer_schema_is_refused(fresh: str) -> None:
    store = open_store(fresh)
    store.backend.delete("schema", "version")
    store.backend.insert("schema", "version", b"2")
    store.close()
    with pytest.raises(StoreError, match="schema 2, this instream knows schema 1; upgrade"):
        open_store(fresh)


def test_who_publishes_makes_no_tables(fresh: str) -> None:
    with pytest.raises(StoreError, match="instream store init"):
        open_for_publishing(fresh)
    open_store(fresh).close()
    store = open_for_publishing(fresh)
    assert store.names() == ()
    store.close()


def test_tables_of_something_else(node: Node, fresh: str) -> None:
    keyspace = fresh.rpartition("/")[2].partition("?")[0]
    node.execute(
        f"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}",
        f"CREATE TABLE {keyspace}.row (id int PRIMARY KEY)",
    )
    with pytest.raises(StoreError, match="not what this instream made"):
        open_store(fresh)


def test_after_close_no_thread_is_left(fresh: str) -> None:
    before = set(threading.enumerate())
    store = open_store(fresh)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.head("delay")
    end = time.monotonic() + 10
    while (left := {each for each in set(threading.enumerate()) - before if each.name != "event_loop"}) and time.monotonic() < end:
        time.sleep(0.05)
    assert left == set()


def test_the_least_privileges(node: Node, fresh: str, tmp_path: Path) -> None:
    """Who may only read and change rows opens a store that is there, and cannot make one."""
    keyspace = fresh.rpartition("/")[2].partition("?")[0]
    open_store(fresh).close()
    node.execute(
        "CREATE ROLE IF NOT EXISTS ann WITH PASSWORD = 'gehe:im@/1' AND LOGIN = true",
        f"GRANT SELECT ON KEYSPACE {keyspace} TO ann",
        f"GRANT MODIFY ON KEYSPACE {keyspace} TO ann",
    )
    store = open_store(node.url(keyspace, "ann", "gehe%3Aim%40%2F1"))
    assert store.put(tiny_package(tmp_path)) == 1
    store.close()
    with pytest.raises(StoreError, match=r"Unauthorized.*grant") as caught:
        open_store(node.url(node.keyspace(), "ann", "gehe%3Aim%40%2F1"))
    assert "gehe" not in str(caught.value)


def test_what_a_worker_needs(node: Node, fresh: str, tmp_path: Path) -> None:
    """The grants of docs/stores.md: it reads models, and writes reports of itself, and nothing else."""
    keyspace = fresh.rpartition("/")[2].partition("?")[0]
    publishing = open_store(fresh)
    version = publishing.put(tiny_package(tmp_path))
    node.execute(
        "CREATE ROLE IF NOT EXISTS carl WITH PASSWORD = 'carl' AND LOGIN = true",
        f"GRANT SELECT ON KEYSPACE {keyspace} TO carl",
        f"GRANT MODIFY ON TABLE {keyspace}.report TO carl",
    )
    worker = open_store(node.url(keyspace, "carl", "carl"), create=False)
    report = Report(name="delay", pipeline="p", worker="w", revision=Revision(1), versions=(version,), at_ms=time.time_ns() // 10**6)
    worker.report(report)
    worker.keep_hot_keys("delay", "w", ["i:1"])
    assert worker.open("delay", version).manifest.digest == publishing.manifest("delay", version).digest
    assert worker.parameters_of("5e7").changes(worker.parameters_of("5e7").cursor()).keys == ()
    assert (publishing.reports("delay"), publishing.hot_keys("delay")) == ((report,), ("i:1",))
    with pytest.raises(StoreError, match=r"Unauthorized.*to who publishes"):
        worker.put(tiny_package(tmp_path, weight=3.0))
    worker.close()
    publishing.close()


def test_what_cannot_be_opened(node: Node, fresh: str) -> None:
    for wrong, message in [
        (fresh.replace(f":{node.port}", ":1"), "no node answers.*host and port"),
        (fresh.replace("127.0.0.1", "absent.invalid"), "host and port"),
        (node.url("k", password="geheim"), "user and password"),
        (node.url(node.keyspace(), replication=3), r"cluster has 1 node\(s\); say \?replication=1"),
        (f"{fresh}&datacenter=moon", "no node is in the datacenter moon"),
    ]:
        with pytest.raises(StoreError, match=message) as caught:
            open_store(wrong)
        assert "geheim" not in str(caught.value)
        assert ":cassandra@" not in str(caught.value)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("ann:geheim@h", "expected cassandra://"),
        ("ann:geheim@/k", "expected cassandra://"),
        ("ann:geheim@h:1,g:2/k", "one port"),
        ("ann:geheim@h/k?colour=red", "colour"),
        ("ann:geheim@h/k?consistency=ONE", "consistency"),
        ("ann:geheim@h/k?replication=0", "replication"),
        ("ann:geheim@h/k?password=geheim", "password is no option"),
        ("ann:geheim@h/k-k", "keyspace"),
        ("ann:geheim", "expected cassandra://"),
        ("ann:ge/geheim@h/k-k", "expected cassandra://|keyspace"),
    ],
)
def test_urls_that_are_refused(rest: str, message: str) -> None:
    with pytest.raises(SettingsInvalid, match=message) as caught:
        open_store(f"cassandra://{rest}")
    assert "geheim" not in str(caught.value)


def test_without_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(MissingExtra, match=r"instream\[cassandra\]"):
        open_store("cassandra://h/k")
