"""What the laws of a predictor ask for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from prometheus_client import REGISTRY

from instream.errors import StoreError
from instream.head import Head
from instream.package import Version
from instream.predictor import Prediction, Predictor
from instream.settings import Pipeline
from instream.stores import Store, open_store
from instream.stores.cache import Cache
from instream.testing.backends import Passing

Connect = Callable[[Pipeline, Store], Predictor]
Start = Callable[..., Predictor]

WAIT_S = 60.0


class Away(Passing):
    """A store that can be cut off: while `away`, every read and write fails."""

    away = False

    def insert(self, place: str, key: str, value: bytes) -> bool:
        self._check()
        return super().insert(place, key, value)

    def read(self, place: str, key: str) -> bytes | None:
        self._check()
        return super().read(place, key)

    def rows(self, place: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        self._check()
        return super().rows(place, after, limit)

    def newest(self, place: str, limit: int) -> list[tuple[str, bytes]]:
        self._check()
        return super().newest(place, limit)

    def _check(self) -> None:
        if self.away:
            raise StoreError("cut off by the test")


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something that other threads do. Fails after a minute, saying what was waited for."""
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, f"waited {WAIT_S:g} s for {what}"
        time.sleep(0.005)


def promoted(store: Store, version: Version) -> Head:
    """A new head of the model `delay` with this champion."""
    return store.append_head(store.head("delay").next(champion=version, by="test", at_ms=0))


def follows(predictor: Predictor, head: Head) -> Callable[[], bool]:
    """Whether a head is in force."""
    return lambda: predictor.ready().head == head.revision


def versions_of(prediction: Prediction) -> set[int]:
    """The versions that scored its rows."""
    return set(prediction.stamps.column("version").to_pylist())


def y_of(prediction: Prediction) -> list[Any]:
    """The output."""
    answers: list[Any] = prediction.outputs.column("y").to_pylist()
    return answers


def refusals(reason: str) -> float:
    """How often a head of `delay` was refused for this reason, in this process."""
    return REGISTRY.get_sample_value("instream_refusals_total", {"model": "delay", "reason": reason}) or 0.0


def settings_of(**sections: Any) -> Pipeline:
    """A pipeline that follows `delay` closely; sections are merged over that."""
    table: dict[str, Any] = {"name": "laws", "model": {"name": "delay"}, "strategy": {"poll_ms": 10}}
    for name, section in sections.items():
        table[name] = {**table.get(name, {}), **section}
    return Pipeline.model_validate(table)


class PredictorFixtures:
    """What the laws ask for; a strategy's test overrides `connect`."""

    @pytest.fixture
    def connect(self) -> Connect:
        """Makes a predictor for a pipeline, on a store."""
        raise NotImplementedError("a strategy's test overrides this fixture")

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Away]:
        opened = open_store(f"sqlite:///{tmp_path}/models.db", cache=Cache(tmp_path / "cache"))
        yield Away(opened.backend)
        opened.close()

    @pytest.fixture
    def store(self, backend: Away, tmp_path: Path) -> Store:
        return Store(backend, Cache(tmp_path / "cache"))

    @pytest.fixture
    def start(self, connect: Connect, store: Store) -> Iterator[Start]:
        """Start a predictor, given sections of the pipeline file; it is closed with the test."""
        started: list[Predictor] = []

        def start(**sections: Any) -> Predictor:
            started.append(connect(settings_of(**sections), store))
            return started[-1]

        yield start
        for predictor in started:
            predictor.close()


def slices(batch: pa.RecordBatch, cuts: list[int]) -> list[pa.RecordBatch]:
    """A batch cut before each of these rows."""
    edges = [0, *sorted({cut % (batch.num_rows + 1) for cut in cuts}), batch.num_rows]
    return [batch.slice(start, end - start) for start, end in pairwise(edges)]
