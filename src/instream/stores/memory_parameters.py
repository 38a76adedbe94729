"""Parameters in this process's memory."""

from __future__ import annotations

import threading
import time
import uuid
from bisect import bisect_right, insort
from collections.abc import Sequence

from instream.stores.parameter_rows import KEPT, Moved, Row

_LOG_ROWS = 1_000_000


class MemoryParameters:
    """Sorted rows under one lock. Satisfies ParameterRows."""

    poll_s = 0.005

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._id = uuid.uuid4().hex
        self._rows: dict[str, dict[str, list[Row]]] = {}  # set -> key -> rows, the newest last
        self._order: dict[str, list[str]] = {}
        self._log: list[tuple[str, str]] = []  # (set, key)
        self._forgotten = 0

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def append(self, place: str, rows: Sequence[Row]) -> None:
        with self._lock:
            for row in rows:
                kept = self._rows.setdefault(place, {}).setdefault(row.key, [])
                if not kept:
                    insort(self._order.setdefault(place, []), row.key)
                if not any(each[:3] == row[:3] for each in kept):
                    insort(kept, row)
                    self._log.append((place, row.key))
            if len(self._log) > _LOG_ROWS:
                half = len(self._log) // 2
                del self._log[:half]
                self._forgotten += half

    def newest(self, place: str, keys: Sequence[str]) -> list[Row]:
        with self._lock:
            there = self._rows.get(place, {})
            return [there[key][-1] for key in keys if key in there]

    def history(self, place: str, key: str, limit: int) -> list[Row]:
        with self._lock:
            return self._rows.get(place, {}).get(key, [])[: -limit - 1 : -1]

    def keys(self, place: str, after: str, limit: int) -> list[str]:
        with self._lock:
            order = self._order.get(place, [])
            start = bisect_right(order, after)
            return order[start : start + limit]

    def trim(self, place: str, key: str) -> None:
        with self._lock:
            del self._rows.get(place, {}).get(key, [])[:-KEPT]

    def clear(self, place: str) -> None:
        with self._lock:
            self._rows.pop(place, None)
            self._order.pop(place, None)

    def cursor(self, place: str) -> str:
        with self._lock:
            return self._at(self._forgotten + len(self._log))

    def moved(self, place: str, since: str, limit: int) -> Moved:
        with self._lock:
            store, _, number = since.partition(":")
            end = self._forgotten + len(self._log)
            if store != self._id or not number.isdecimal() or not self._forgotten <= int(number) <= end:
                return Moved(self._at(end), (), reset=True)
            start = int(number) - self._forgotten
            told = self._log[start : start + limit]
            keys = tuple(dict.fromkeys(key for where, key in told if where == place))
            return Moved(self._at(int(number) + len(told)), keys, more=len(told) == limit)

    def mark(self) -> object:
        return self._forgotten + len(self._log)

    def _at(self, number: int) -> str:
        return f"{self._id}:{number}"
