"""How a predictor begins."""

import threading
from pathlib import Path

import pytest

from instream.errors import Unavailable
from instream.features import from_reference
from instream.head import Head, check_head
from instream.live import LivePredictor
from instream.stores import Store, open_store
from instream.stores.cache import Cache
from instream.testing.clocks import MovedClock
from instream.testing.models import Extras, linear, linear_package, onnx_package, xs
from instream.testing.predictors.fixtures import Away, follows, promoted, until, y_of

SOURCE = """
import pyarrow as pa
import pyarrow.compute as pc

def make(batch):
    return pa.RecordBatch.from_pydict({"x": pc.multiply(batch.column("miles"), 2.0)})
"""


@pytest.fixture
def backend(tmp_path: Path) -> Away:
    return Away(open_store(f"memory://{tmp_path.name}", cache=Cache(tmp_path / "cache")).backend)


@pytest.fixture
def store(backend: Away, tmp_path: Path) -> Store:
    return Store(backend, Cache(tmp_path / "cache"))


def test_a_store_that_stays_away_is_said(store: Store, backend: Away, tmp_path: Path) -> None:
    store.put(linear_package(tmp_path, 2.0))
    backend.away = True
    with pytest.raises(Unavailable, match="delay cannot be loaded: cut off by the test; is the store there"):
        LivePredictor(store, "delay", pipeline="p", worker="w0", clock=MovedClock())


def test_a_store_that_comes_back_is_waited_for(store: Store, backend: Away, tmp_path: Path) -> None:
    class Back(MovedClock):
        def move(self, seconds: float) -> None:
            super().move(seconds)
            backend.away = False

    store.put(linear_package(tmp_path, 2.0))
    backend.away = True
    predictor = LivePredictor(store, "delay", pipeline="p", worker="w0", clock=Back())
    assert y_of(predictor.predict(xs(1))) == [2.0]
    predictor.close()


def test_golden_rows_go_through_the_local_copy_of_the_feature_step(store: Store, tmp_path: Path) -> None:
    """Raw fields in, the original's outputs out: the pipeline's own step is proved with the model."""
    (tmp_path / "features.py").write_text(SOURCE)
    local = from_reference("features.py:make", tmp_path)
    store.put(onnx_package(tmp_path, linear({"x": 10.0}), extras=Extras(features=SOURCE, raw=("miles",), feature_factor=2.0)))
    predictor = LivePredictor(store, "delay", pipeline="p", worker="w0", features=local)
    assert predictor.requires.names == ["x"]  # the pipeline has run the step already
    assert y_of(predictor.predict(xs(3))) == [30.0]
    predictor.close()


def test_close_ends_the_threads(store: Store, tmp_path: Path) -> None:
    store.put(linear_package(tmp_path, 2.0))
    before = set(threading.enumerate())
    predictor = LivePredictor(store, "delay", pipeline="p", worker="w0", poll_s=30.0)
    assert {thread.name for thread in set(threading.enumerate()) - before} == {"follow"}
    predictor.close()
    assert set(threading.enumerate()) <= before


def test_following_survives_what_nobody_expected(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug on the way to a head costs neither the head nor what serves."""
    store.put(linear_package(tmp_path, 2.0))
    second = store.put(linear_package(tmp_path, 3.0))
    predictor = LivePredictor(store, "delay", pipeline="p", worker="w0", poll_s=0.01)
    failed = threading.Event()

    def fail_once(head: Head) -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("a bug")
        check_head(head)

    monkeypatch.setattr("instream.live.adopt.check_head", fail_once)
    until(follows(predictor, promoted(store, second)), "the head after a bug")
    assert failed.is_set()
    assert y_of(predictor.predict(xs(1))) == [3.0]
    predictor.close()
