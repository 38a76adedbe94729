"""A store in this process's memory: for tests and experiments. It ends with the process."""

from __future__ import annotations

import threading
from bisect import bisect_right, insort
from pathlib import Path

from pydantic import BaseModel, Field

from instream.errors import StoreError
from instream.stores.memory_parameters import MemoryParameters

SCHEMA = ""
"""It ends with the process, so no other instream ever sees it."""


class Settings(BaseModel, extra="forbid", frozen=True):
    """`memory://NAME`: within a process, one name is one store."""

    name: str = Field(description="Any text.")
    create: bool = Field(True, description="Whatever is said: one that is absent is empty.")
    bytes: int = Field(1 << 30, gt=0, description="The most that it keeps.")


class MemoryBackend:
    """Dictionaries under one lock."""

    poll_s = 0.005

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._places: dict[str, dict[str, bytes]] = {}
        self._keys: dict[str, list[str]] = {}
        self._bytes = 0
        self._writes = 0
        self.parameters = MemoryParameters()

    def insert(self, place: str, key: str, value: bytes) -> bool:
        with self._lock:
            rows = self._places.setdefault(place, {})
            if key in rows:
                return False
            if self._bytes + len(value) > self._settings.bytes:
                raise StoreError(
                    f"memory://{self._settings.name} is full at {self._settings.bytes:,} bytes; raise ?bytes= or use a sqlite store"
                )
            rows[key] = bytes(value)
            insort(self._keys.setdefault(place, []), key)
            self._bytes += len(value)
            self._writes += 1
            return True

    def read(self, place: str, key: str) -> bytes | None:
        with self._lock:
            return self._places.get(place, {}).get(key)

    def rows(self, place: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        with self._lock:
            keys = self._keys.get(place, [])
            start = bisect_right(keys, after)
            return [(key, self._places[place][key]) for key in keys[start : start + limit]]

    def newest(self, place: str, limit: int) -> list[tuple[str, bytes]]:
        with self._lock:
            return [(key, self._places[place][key]) for key in self._keys.get(place, [])[: -limit - 1 : -1]]

    def delete(self, place: str, key: str) -> None:
        with self._lock:
            if (value := self._places.get(place, {}).pop(key, None)) is not None:
                self._keys[place].remove(key)
                self._bytes -= len(value)
                self._writes += 1

    def clear(self, place: str) -> None:
        with self._lock:
            self._bytes -= sum(map(len, self._places.pop(place, {}).values()))
            self._keys.pop(place, None)
            self._writes += 1

    def mark(self) -> object:
        return self._writes

    def close(self) -> None:
        """Nothing: who opens the name again finds what was put there."""


_opened: dict[str, MemoryBackend] = {}
_opening = threading.Lock()


def backend_of(where: str, options: dict[str, str], folder: Path) -> MemoryBackend:
    """The store of that name in this process."""
    settings = Settings.model_validate({"name": where, **options})
    with _opening:
        return _opened.setdefault(settings.name, MemoryBackend(settings))
