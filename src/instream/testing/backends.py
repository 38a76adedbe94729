"""Backends that fail on purpose: around a real one, to show that a store's rules hold whatever happens between two rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random

from instream.stores.backend import Backend, UnknownResult


class Crash(BaseException):
    """Stands for the end of the process: nothing in instream catches it."""


class Passing:
    """Passes everything on."""

    def __init__(self, inner: Backend) -> None:
        self.inner = inner
        self.poll_s = inner.poll_s

    def insert(self, place: str, key: str, value: bytes) -> bool:
        return self.inner.insert(place, key, value)

    def read(self, place: str, key: str) -> bytes | None:
        return self.inner.read(place, key)

    def rows(self, place: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        return self.inner.rows(place, after, limit)

    def newest(self, place: str, limit: int) -> list[tuple[str, bytes]]:
        return self.inner.newest(place, limit)

    def delete(self, place: str, key: str) -> None:
        self.inner.delete(place, key)

    def clear(self, place: str) -> None:
        self.inner.clear(place)

    def mark(self) -> object:
        return self.inner.mark()

    def close(self) -> None:
        """The inner one belongs to the test."""


class Crashing(Passing):
    """Ends at the n-th insert (from 0), before it happens."""

    def __init__(self, inner: Backend, nth: int) -> None:
        super().__init__(inner)
        self.left = nth

    def insert(self, place: str, key: str, value: bytes) -> bool:
        if self.left == 0:
            raise Crash
        self.left -= 1
        return super().insert(place, key, value)


class Unsure(Passing):
    """Half of all inserts end in a timeout; half of those have happened."""

    def __init__(self, inner: Backend, seed: int) -> None:
        super().__init__(inner)
        self._random = Random(seed)

    def insert(self, place: str, key: str, value: bytes) -> bool:
        fate = self._random.random()
        if fate < 0.25:
            raise UnknownResult("a timeout before the write")
        done = super().insert(place, key, value)
        if fate < 0.5:
            raise UnknownResult("a timeout after the write")
        return done


class Pausing(Passing):
    """Stops before its first insert in a place that starts as told, until `go` is set; `waiting` says that it stands there."""

    def __init__(self, inner: Backend, place: str) -> None:
        super().__init__(inner)
        self._place = place
        self.waiting = threading.Event()
        self.go = threading.Event()

    def insert(self, place: str, key: str, value: bytes) -> bool:
        if place.startswith(self._place) and not self.waiting.is_set():
            self.waiting.set()
            assert self.go.wait(60), "the test never let this writer go on"
        return super().insert(place, key, value)


class Meeting(Passing):
    """Calls somebody just before its first removal of a row in a place that starts as told."""

    def __init__(self, inner: Backend, place: str, meet: Callable[[], object]) -> None:
        super().__init__(inner)
        self._place = place
        self._meet: Callable[[], object] | None = meet

    def delete(self, place: str, key: str) -> None:
        if place.startswith(self._place) and self._meet:
            meet, self._meet = self._meet, None
            meet()
        super().delete(place, key)
