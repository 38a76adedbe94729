"""What the laws of a store ask for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from instream.errors import StoreError
from instream.flow.clock import SYSTEM
from instream.head import Head
from instream.package import Package, Version
from instream.stores import Store, open_store
from instream.stores.cache import default_cache
from instream.stores.chunks import CHUNK_BYTES
from instream.testing.clocks import MovedClock
from instream.testing.packages import tiny_package

TWO_DAYS_S = 172_800.0
Item = TypeVar("Item")
Result = TypeVar("Result")


def at_once(call: Callable[[Item], Result], items: Sequence[Item]) -> list[Result | Exception]:
    """Call with each item in its own thread, all let go together; results or exceptions, in order."""
    gate = threading.Barrier(len(items))

    def one(item: Item) -> Result | Exception:
        gate.wait()
        try:
            return call(item)
        except StoreError as error:
            return error

    with ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(one, items))


def promoted(store: Store, version: Version, by: str = "test") -> Head:
    """A new head with this champion."""
    return store.append_head(store.head("delay").next(champion=version, by=by, at_ms=SYSTEM.wall_ms()))


def flip(store: Store, place: str, key: str, at: int) -> None:
    """Change one bit of a row, as a bad disk does."""
    row = store.backend.read(place, key)
    assert row is not None, (place, key)
    store.backend.delete(place, key)
    store.backend.insert(place, key, row[:at] + bytes([row[at] ^ 1]) + row[at + 1 :])


class StoreFixtures:
    """What the laws ask for; a store's test overrides `url`."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        """Of an empty store, which only this test uses."""
        raise NotImplementedError("a store's test overrides this fixture")

    @pytest.fixture
    def cache_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("INSTREAM_CACHE", str(tmp_path / "cache"))
        return tmp_path / "cache"

    @pytest.fixture
    def clock(self) -> MovedClock:
        return MovedClock()

    @pytest.fixture
    def store(self, url: str, cache_folder: Path, clock: MovedClock) -> Iterator[Store]:
        opened = open_store(url, clock=clock)
        yield opened
        opened.close()

    @pytest.fixture
    def again(self, store: Store, cache_folder: Path, clock: MovedClock) -> Callable[..., Store]:
        """The same store through another backend, such as one that fails."""
        return lambda backend: Store(backend, default_cache(), clock)

    @pytest.fixture
    def package(self, tmp_path: Path) -> Package:
        return tiny_package(tmp_path, padding=b"p" * (2 * CHUNK_BYTES))

    @pytest.fixture
    def second(self, tmp_path: Path) -> Package:
        return tiny_package(tmp_path, weight=3.0)
