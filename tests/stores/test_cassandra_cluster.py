"""Three real nodes, three copies of each row: one may die and nothing is lost; of two, the error says what to do."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cassandra import ConsistencyLevel
from cassandra.query import SimpleStatement

from instream.errors import StoreError
from instream.stores import Store, open_store
from instream.stores.parameters import Parameters
from instream.testing.cassandra import Node
from instream.testing.packages import tiny_package
from instream.testing.stores.fixtures import promoted

pytestmark = pytest.mark.slow

SET = "5e7"
_THREE = "{'class': 'NetworkTopologyStrategy', 'replication_factor': 3}"


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    started: list[Node] = []
    try:
        started.append(Node("127.0.0.1", heap_mb=512).start())
        for number in (2, 3):
            started.append(Node(f"127.0.0.{number}", started[0], heap_mb=512).start())
        _keep_logins_on_all(started[0])
        yield started
    finally:
        for node in started:
            node.close()


def _keep_logins_on_all(node: Node) -> None:
    """As an operator does in a new cluster, where one node alone knows the users; to read at ALL copies them."""
    node.execute(f"ALTER KEYSPACE system_auth WITH replication = {_THREE}")
    for table in ("roles", "role_members", "role_permissions"):
        node.execute(SimpleStatement(f"SELECT * FROM system_auth.{table}", consistency_level=ConsistencyLevel.ALL))


class Writer(threading.Thread):
    """Writes keys of its own, and knows which were acknowledged."""

    def __init__(self, parameters: Parameters) -> None:
        super().__init__()
        self._parameters = parameters
        self.ends = threading.Event()
        self.kept: dict[str, bytes] = {}
        self.failures: list[str] = []

    def run(self) -> None:
        number = 0
        while not self.ends.is_set():
            number += 1
            key, payload = f"i:{number % 50}", b"%d" % number
            try:
                self._parameters.write({key: payload})
            except StoreError as error:
                self.failures.append(str(error))
            else:
                self.kept[key] = payload


@pytest.mark.timeout(600)  # three nodes start one after the other
def test_one_dies_then_another(nodes: list[Node], tmp_path: Path) -> None:
    url = nodes[0].url("models", replication=3, request_ms=5000).replace("127.0.0.1", "127.0.0.1,127.0.0.2,127.0.0.3")
    store = open_store(url)
    parameters = store.parameters_of(SET)
    assert store.put(tiny_package(tmp_path, padding=bytes(1 << 20))) == 1
    cursor, start = store.cursor(), parameters.cursor()

    writer = Writer(parameters)
    writer.start()
    time.sleep(2)
    nodes[0].kill()  # the one that the others joined by
    assert store.put(tiny_package(tmp_path, weight=5.0)) == 2
    assert promoted(store, store.versions("delay")[-1]).champion == 2
    time.sleep(3)
    writer.ends.set()
    writer.join()
    assert writer.failures == []
    assert {key: each.payload for key, each in parameters.read(list(writer.kept)).items()} == writer.kept
    assert set(parameters.changes(start).keys) == set(writer.kept)
    assert store.changes(cursor).moved == ("delay",)
    for version in store.versions("delay"):
        store.open("delay", version).verify()
    after = open_store(url)  # the first host of the URL does not answer
    assert after.head("delay").champion == 2
    after.close()

    nodes[1].kill()
    _all_fail_in_time(store, parameters, tmp_path)

    nodes[0].start()
    nodes[1].start()
    _recovers(store, parameters, writer.kept, tmp_path)
    store.close()


def _all_fail_in_time(store: Store, parameters: Parameters, tmp_path: Path) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.head("delay"),
        lambda: store.put(tiny_package(tmp_path, weight=6.0)),
        lambda: parameters.read(["i:1"]),
        lambda: parameters.write({"i:1": b"x"}),
        lambda: parameters.changes(parameters.cursor()),
    ]
    for settled in (False, True):  # at first the survivor waits for the dead ones; then it knows
        for call in calls:
            began = time.monotonic()
            with pytest.raises(StoreError) as caught:
                call()
            assert "nodes are up" in str(caught.value)
            assert "grant" not in str(caught.value)
            assert time.monotonic() - began < 25
        if not settled:
            time.sleep(5)


def _recovers(store: Store, parameters: Parameters, kept: dict[str, bytes], tmp_path: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            assert store.head("delay").champion == 2
            parameters.write({"i:99": b"after"})
            break
        except StoreError:
            assert time.monotonic() < end
            time.sleep(0.5)
    found = {key: each.payload for key, each in parameters.read([*kept, "i:99"]).items()}
    assert found["i:99"] == b"after"
    assert {key: found[key] for key in kept if key != "i:1"} == {key: kept[key] for key in kept if key != "i:1"}
    assert store.put(tiny_package(tmp_path, weight=7.0)) in (3, 4)
