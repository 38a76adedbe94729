"""A model for each key, from a store: mixed keys, updates while rows are scored, a store that is away, swaps, restarts."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from instream.errors import PackageRefused, StoreError, Unavailable
from instream.flow.deadline import deadline_in
from instream.package import Package, Version
from instream.predictor import Call, Prediction, Predictor
from instream.stores import Store, open_store
from instream.stores.cache import Cache
from instream.stores.parameter_rows import ParameterRows, Row
from instream.strategies import local, remote
from instream.testing.backends import Passing
from instream.testing.keyed import line, line_package, published
from instream.testing.packages import tiny_package
from instream.testing.predictors.fixtures import promoted, settings_of, until
from instream.testing.server import running, server_for

KEY = {"origin": "string", "dest": "string"}
ROUTES = {"s:JFK|s:LAX": 3.0, "s:JFK": 5.0, "n:|s:LAX": 7.0}


class Away(Passing):
    """A store whose parameters can be cut off; counts reads of them."""

    away = False
    reads = 0

    @property
    def parameters(self) -> "AwayRows":
        return AwayRows(self, self.inner.parameters)  # type: ignore[attr-defined]


class AwayRows:
    def __init__(self, switch: Away, inner: ParameterRows) -> None:
        self._switch = switch
        self._inner = inner
        self.poll_s = 0.01

    def newest(self, place: str, keys: Sequence[str]) -> list[Row]:
        self._switch.reads += 1
        return self.__getattr__("newest")(place, keys)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        if self._switch.away:
            raise StoreError("cut off by the test")
        return getattr(self._inner, name)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Away]:
    opened = open_store(f"sqlite:///{tmp_path}/models.db", cache=Cache(tmp_path / "cache"))
    yield Away(opened.backend)
    opened.close()


@pytest.fixture
def store(backend: Away, tmp_path: Path) -> Store:
    return Store(backend, Cache(tmp_path / "cache"))


@pytest.fixture
def start(store: Store) -> Iterator[Callable[..., Predictor]]:
    started: list[Predictor] = []
    workers = count()

    def start(kind: str = "database", **sections: Any) -> Predictor:
        settings = settings_of(**{**sections, "strategy": {"kind": kind, **sections.get("strategy", {})}})
        started.append(local(settings, store, worker=f"w{next(workers)}", local_features=None))
        return started[-1]

    yield start
    for predictor in started:
        predictor.close()


def package(tmp_path: Path, default: float | None = None, seed: int = 0) -> Package:
    return line_package(tmp_path, key=KEY, default=default, seed=seed)


def rows(*keys: tuple[str | None, str | None]) -> pa.RecordBatch:
    columns: dict[str, Any] = {"origin": [key[0] for key in keys], "dest": [key[1] for key in keys], "x": [1.0] * len(keys)}
    return pa.RecordBatch.from_pydict(columns, schema=pa.schema([("origin", "string"), ("dest", "string"), ("x", "float64")]))


def numbers(prediction: Prediction) -> list[float | None]:
    """The k of each row: x is 1, and y = k x + k."""
    return [None if y is None else y / 2 for y in prediction.outputs.column("prediction").to_pylist()]


def stamp(prediction: Prediction, name: str) -> list[Any]:
    found: list[Any] = prediction.stamps.column(name).to_pylist()
    return found


def test_each_row_by_its_own_key(store: Store, start: Callable[..., Predictor], tmp_path: Path) -> None:
    version = published(store, package(tmp_path, default=11), ROUTES)
    predictor = start()
    prediction = predictor.predict(rows(("JFK", "LAX"), ("JFK", "SFO"), ("EWR", "SFO"), (None, "LAX")))
    assert numbers(prediction) == [3, 5, 11, 7]
    assert stamp(prediction, "level") == [0, 1, -1, 0]
    assert stamp(prediction, "version") == [1, 1, 1, 1]
    in_force = store.parameters("delay", version).read(list(ROUTES))
    revisions = {text: each.revision for text, each in in_force.items()}
    assert stamp(prediction, "parameters") == [revisions["s:JFK|s:LAX"], revisions["s:JFK"], None, revisions["n:|s:LAX"]]
    assert all(0 <= age < 60_000 for age in stamp(prediction, "age_ms"))


def test_a_row_that_nothing_answers_for_fails_alone(store: Store, start: Callable[..., Predictor], tmp_path: Path) -> None:
    published(store, package(tmp_path), ROUTES)
    prediction = start().predict(rows(("EWR", "SFO"), ("JFK", "LAX"), ("x" * 2_000, "LAX"), ("JFK", "y" * 2_000)))
    assert numbers(prediction) == [None, 3, None, None]
    assert prediction.failures.rows.tolist() == [0, 2, 3]
    assert list(prediction.failures.codes) == ["no_model", "out_of_range", "out_of_range"]
    assert prediction.failures.messages[0] == "nothing answers for the key s:EWR|s:SFO"
    assert stamp(prediction, "version") == [1] * 4


def test_no_rows(store: Store, start: Callable[..., Predictor], tmp_path: Path) -> None:
    published(store, package(tmp_path), ROUTES)
    assert len(start().predict(rows())) == 0


def test_each_strategy_refuses_the_others_packages(store: Store, start: Callable[..., Predictor], tmp_path: Path) -> None:
    published(store, package(tmp_path), ROUTES)
    with pytest.raises(PackageRefused, match=r'a model for each key.*strategy.kind = "database"'):
        start("embedded")
    promoted(store, store.put(tiny_package(tmp_path)))
    with pytest.raises(PackageRefused, match=r'one model for all records.*strategy.kind = "embedded"'):
        start(model={"name": "delay@2"})


def test_updates_while_rows_are_scored(store: Store, start: Callable[..., Predictor], tmp_path: Path) -> None:
    """Law 4: W = k and b = k; each answer is of exactly one k, and its stamp says which."""
    published(store, package(tmp_path), {"s:JFK|s:LAX": 1.0})
    parameters = store.parameters("delay", Version(1))
    predictor = start()
    known = {revised.revision: 1.0 for revised in parameters.read(["s:JFK|s:LAX"]).values()}
    stop = threading.Event()

    def update() -> None:
        k = 2.0
        while not stop.is_set():
            known[parameters.write({"s:JFK|s:LAX": line(k)})["s:JFK|s:LAX"]] = k
            k += 1

    writer = threading.Thread(target=update)
    writer.start()
    seen: list[tuple[int, float]] = []
    batch = pa.RecordBatch.from_pydict({"origin": ["JFK"] * 50, "dest": ["LAX"] * 50, "x": np.arange(50.0)})
    end = time.monotonic() + 2
    try:
        while time.monotonic() < end:
            prediction = predictor.predict(batch)
            [revision] = set(stamp(prediction, "parameters"))
            k = prediction.outputs.column("prediction")[0].as_py()
            assert prediction.outputs.column("prediction").to_pylist() == (k * np.arange(50.0) + k).tolist()
            seen.append((revision, k))
    finally:
        stop.set()
        writer.join()
    assert all(known[revision] == k for revision, k in seen)
    assert len(set(seen)) > 10
    until(lambda: numbers(predictor.predict(rows(("JFK", "LAX")))) == [max(known.values())], "the last update")


def test_the_store_away(store: Store, backend: Away, start: Callable[..., Predictor], tmp_path: Path) -> None:
    """Keys in memory go on and say how old they are; others wait; nothing has to be started again."""
    published(store, package(tmp_path), {**ROUTES, "s:EWR|s:SFO": 13.0})
    predictor = start()
    assert numbers(predictor.predict(rows(("JFK", "LAX")))) == [3]
    backend.away = True
    until(lambda: stamp(predictor.predict(rows(("JFK", "LAX"))), "age_ms")[0] > 500, "an age")
    with pytest.raises(Unavailable, match="parameters cannot be read"):
        predictor.predict(rows(("EWR", "SFO")), Call(deadline=deadline_in(1)))
    backend.away = False
    assert numbers(predictor.predict(rows(("EWR", "SFO")), Call(deadline=deadline_in(20)))) == [13]
    until(lambda: stamp(predictor.predict(rows(("JFK", "LAX"))), "age_ms")[0] < 400, "fresh parameters")


def test_too_old_holds_where_the_file_says_so(store: Store, backend: Away, start: Callable[..., Predictor], tmp_path: Path) -> None:
    published(store, package(tmp_path), ROUTES)
    held, going = start(limits={"max_age_s": 2, "past_max_age": "hold"}), start(limits={"max_age_s": 2})
    for predictor in (held, going):
        assert numbers(predictor.predict(rows(("JFK", "LAX")))) == [3]
    backend.away = True
    time.sleep(2.5)
    with pytest.raises(Unavailable, match=r"s old, and limits.max_age_s is 2"):
        held.predict(rows(("JFK", "LAX")))
    assert stamp(going.predict(rows(("JFK", "LAX"))), "age_ms")[0] > 2_000
    backend.away = False
    until(lambda: _answers(held), "the store to be followed again")


def _answers(predictor: Predictor) -> bool:
    try:
        return numbers(predictor.predict(rows(("JFK", "LAX")))) == [3]
    except Unavailable:
        return False


def test_a_new_version_takes_over_whole_with_the_keys_in_use(
    store: Store, backend: Away, start: Callable[..., Predictor], tmp_path: Path
) -> None:
    published(store, package(tmp_path), ROUTES)
    predictor = start()
    predictor.predict(rows(("JFK", "LAX"), ("JFK", "SFO")))
    second = published(store, package(tmp_path, seed=1), {text: k + 100 for text, k in ROUTES.items()})
    head = promoted(store, second)
    until(lambda: predictor.ready().head == head.revision, "the new head")
    reads = backend.reads
    assert numbers(predictor.predict(rows(("JFK", "LAX")))) == [103]
    assert backend.reads == reads


def test_a_restart_has_the_keys_that_were_used(store: Store, backend: Away, start: Callable[..., Predictor], tmp_path: Path) -> None:
    published(store, package(tmp_path), ROUTES)
    first = start()
    first.predict(rows(("JFK", "LAX"), ("JFK", "SFO")))
    first.close()
    second = start()
    reads = backend.reads
    assert numbers(second.predict(rows(("JFK", "LAX")))) == [3]
    assert backend.reads == reads


def test_a_server_scores_them_too(store: Store, backend: Away, start: Callable[..., Predictor], tmp_path: Path) -> None:
    """The same answers and stamps come back; with the store away, requests for keys in memory are answered."""
    published(store, package(tmp_path, default=11), {**ROUTES, "s:EWR|s:SFO": 13.0})
    settings = settings_of(limits={"memory": "1GiB"})
    with running(server_for("delay"), lambda model: start("database", model={"name": model})) as server:
        for endpoint in (server.grpc, server.http):
            strategy = settings.strategy.model_copy(update={"kind": "remote", "endpoint": (endpoint,), "timeout_ms": 5_000})
            predictor = remote(settings.model_copy(update={"strategy": strategy}), lambda: start())
            prediction = predictor.predict(rows(("JFK", "LAX"), ("JFK", "SFO"), ("LGA", "BOS")), Call(deadline=deadline_in(20)))
            assert numbers(prediction) == [3, 5, 11]
            assert stamp(prediction, "level") == [0, 1, -1]
            assert stamp(prediction, "parameters")[2] is None
            predictor.close()
        backend.away = True
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(answered, server.http, dest) for _ in range(10) for dest in ("LAX", "SFO", "nowhere")]
            found = [each.result() for each in asked]
        assert found == [(200, 3.0), (200, 5.0), (503, None)] * 10


def answered(http: str, dest: str) -> tuple[int, float | None]:
    """Status, and k, by Open Inference's JSON."""
    inputs = [
        {"name": "origin", "shape": [1], "datatype": "BYTES", "data": ["JFK"]},
        {"name": "dest", "shape": [1], "datatype": "BYTES", "data": [dest]},
        {"name": "x", "shape": [1], "datatype": "FP64", "data": [1.0]},
    ]
    request = urllib.request.Request(f"{http}/v2/models/delay/infer", msgspec.json.encode({"inputs": inputs}))
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, msgspec.json.decode(response.read())["outputs"][0]["data"][0] / 2
    except urllib.error.HTTPError as error:
        return error.code, None


def test_closing_wakes_who_waits(store: Store, backend: Away, start: Callable[..., Predictor], tmp_path: Path) -> None:
    published(store, package(tmp_path), ROUTES)
    predictor = start()
    backend.away = True
    ended: list[Exception] = []

    def wait() -> None:
        try:
            predictor.predict(rows(("JFK", "LAX")))
        except Exception as error:
            ended.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.1)
    predictor.close()
    waiting.join(5)
    assert len(ended) == 1
