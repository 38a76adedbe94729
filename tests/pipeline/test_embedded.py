"""The whole way with a real model: bytes in, the version that is in force, bytes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instream.failures import Code
from instream.pipeline import Pipeline, pipeline_of
from instream.predictor import Predictor
from instream.settings import Pipeline as Settings
from instream.stores import Store, open_store
from instream.strategies import local
from instream.testing.linear import records_of
from instream.testing.models import Extras, linear, linear_package, lookup, onnx_package, reciprocal
from instream.testing.predictors.features import paired
from instream.testing.predictors.fixtures import follows, promoted, until

Open = Callable[..., tuple[Pipeline, Predictor]]


@pytest.fixture
def store(unique: str) -> Store:
    return open_store(f"memory://{unique}")


@pytest.fixture
def opened(store: Store, unique: str) -> Iterator[Open]:
    """Opens pipelines on the store's model and closes their predictors."""
    predictors: list[Predictor] = []

    def open_pipeline(fields: dict[str, Any], function: str | None = None) -> tuple[Pipeline, Predictor]:
        settings = Settings.model_validate(
            {
                "name": unique,
                "model": {"name": "delay"},
                "strategy": {"poll_ms": 10},
                "features": {"function": function},
                "output": {"echo": ["/payload/id"]},
                "source": {"url": "-", "fields": fields},
            }
        )
        predictor = local(settings, store, worker="w0", local_features=None)
        predictors.append(predictor)
        return pipeline_of(settings, predictor, None, "json", "json"), predictor

    yield open_pipeline
    for predictor in predictors:
        predictor.close()


def payload(key: int, x: Any) -> bytes:
    return f'{{"op": "c", "payload": {{"id": {key}, "x": {x}}}}}'.encode()


def test_a_swap_in_the_middle_of_a_stream(opened: Open, store: Store, tmp_path: Path) -> None:
    """Each output tells the version that made it; a bad record costs itself before and after."""
    store.put(linear_package(tmp_path, 2.0))
    pipeline, predictor = opened({"x": "/payload/x"})
    batch = records_of([payload(1, 1.5), payload(2, '"n/a"'), b"{", payload(3, 4)])
    outcome = pipeline.process(batch)
    assert list(outcome.values) == [b'{"id":1,"y":3.0,"version":1}', None, None, b'{"id":3,"y":8.0,"version":1}']
    assert (list(outcome.failures.codes), outcome.head) == ([Code.WRONG_TYPE, Code.NOT_JSON], 1)
    until(follows(predictor, promoted(store, store.put(linear_package(tmp_path, 10.0)))), "version 2")
    outcome = pipeline.process(batch)
    assert list(outcome.values) == [b'{"id":1,"y":15.0,"version":2}', None, None, b'{"id":3,"y":40.0,"version":2}']
    assert (outcome.stamps.column("version").to_pylist(), outcome.head) == ([2, None, None, 2], 2)


def test_a_published_feature_step_fails_and_filters_rows(opened: Open, store: Store, tmp_path: Path) -> None:
    store.put(paired(tmp_path, 2.0, 10.0))
    pipeline, _ = opened({"miles": "/payload/x"}, "package")
    outcome = pipeline.process(records_of([b"", *(payload(key, x) for key, x in enumerate((1, 5_000, -1, 3)))]))
    assert list(outcome.values) == [None, b'{"id":0,"y":20.0,"version":1}', None, None, b'{"id":3,"y":60.0,"version":1}']
    assert (outcome.filtered.tolist(), outcome.failures.rows.tolist()) == ([2], [0, 3])
    assert list(outcome.failures.codes) == [Code.EMPTY, Code.FEATURES]


def test_rows_that_the_model_refuses(opened: Open, store: Store, tmp_path: Path) -> None:
    store.put(onnx_package(tmp_path, lookup([0.0, 10.0, 20.0, 30.0, 40.0])))
    pipeline, _ = opened({"x": "/payload/x"})
    outcome = pipeline.process(records_of([payload(0, 1), payload(1, 99), payload(2, 2), b"null", payload(3, -99)]))
    assert list(outcome.values) == [b'{"id":0,"y":10.0,"version":1}', None, b'{"id":2,"y":20.0,"version":1}', None, None]
    assert dict(zip(outcome.failures.rows.tolist(), outcome.failures.codes, strict=True)) == {
        1: Code.SCORE,
        3: Code.NOT_JSON,
        4: Code.SCORE,
    }
    assert outcome.stamps.column("version").to_pylist() == [1, 1, 1, None, 1]


def test_an_answer_that_is_not_finite(opened: Open, store: Store, tmp_path: Path) -> None:
    """A failure, or null where the signature allows it."""
    store.put(onnx_package(tmp_path, reciprocal()))
    pipeline, _ = opened({"x": "/payload/x"})
    outcome = pipeline.process(records_of([payload(0, 2), payload(1, 0)]))
    assert (list(outcome.values), list(outcome.failures.codes)) == ([b'{"id":0,"y":0.5,"version":1}', None], [Code.NOT_FINITE])


def test_an_input_that_may_be_null(opened: Open, store: Store, tmp_path: Path) -> None:
    """The model sees NaN, and its answer, NaN as well, is written as null."""
    store.put(onnx_package(tmp_path, linear({"x": 2.0}), extras=Extras(nullable=("x",), output_nullable=True)))
    pipeline, _ = opened({"x": "/payload/x"})
    outcome = pipeline.process(records_of([payload(0, 2), payload(1, "null"), b'{"payload": {"id": 2}}', b"{}"]))
    assert list(outcome.values) == [
        b'{"id":0,"y":4.0,"version":1}',
        b'{"id":1,"y":null,"version":1}',
        b'{"id":2,"y":null,"version":1}',
        b'{"id":null,"y":null,"version":1}',
    ]
