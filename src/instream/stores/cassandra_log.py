"""What was written of parameters in the last hour: the feed that followers of keyed models read in Cassandra.

Entries have the time of the store's clock and come to be seen in another order, since nothing orders writers. So whoever
reads looks back over `OVERLAP_US`: an entry is seen at most `_WRITE_S` after its time, by nodes whose clocks differ by at
most `_SKEW_S`. A writer makes two: one before the rows, which tells of a writer that was killed in between, and one after
them, which tells that they are there.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from instream.errors import StoreError
from instream.stores.cassandra_link import Link
from instream.stores.cassandra_schema import LOG_S
from instream.stores.cassandra_settings import Settings
from instream.stores.parameter_rows import Moved

_WRITE_S = 10.0
_SKEW_S = 5.0
OVERLAP_US = int((_WRITE_S + 2 * _SKEW_S) * 1e6)
_OLDEST_US = int((LOG_S - 60) * 1e6)
_SKEW_US = int(_SKEW_S * 1e6)
_BUCKET_US = 60_000_000
_PAGE_NAMES, _PAGE = 2_000, 200
_WHOLE = 1 << 30
_ATTEMPTS = 3
_TOLD_MAX = 100_000
_UNIX_EPOCH = 0x01B21DD213814000  # in the 100 ns of a time UUID

Told: TypeAlias = Mapping[UUID, tuple[int, int]]
"""Of entries within the overlap: their time, and how many of their keys were told, `_WHOLE` for all."""


class Entry(NamedTuple):
    """Keys that one writer wrote at once, or (not `done`) is about to write."""

    at: int
    writing: UUID
    done: bool
    keys: list[str]


class Log:
    """The feed of one store. Thread-safe."""

    def __init__(self, link: Link, settings: Settings) -> None:
        table = f'"{settings.keyspace}".parameter_log'
        self._link = link
        self._memory = _Memory()
        self._now = link.prepared("SELECT now() FROM system.local", "ONE")
        self._insert = link.prepared(
            f"INSERT INTO {table} (place, bucket, at, writing, done, keys) VALUES (?, ?, ?, ?, ?, ?)", settings.consistency
        )
        after = "WHERE place = ? AND bucket = ? AND (at, writing, done) > (?, ?, ?) LIMIT ?"
        self._names = link.prepared(f"SELECT at, writing, done FROM {table} {after}", settings.consistency)
        self._read = link.prepared(f"SELECT at, writing, done, keys FROM {table} {after}", settings.consistency)

    def now_us(self) -> int:
        [(now,)] = self._link.read(self._now)
        return (int(now.time) - _UNIX_EPOCH) // 10

    def announce(self, place: str, writing: UUID, keys: Sequence[str], *, done: bool, beside: Sequence[tuple[Any, None]] = ()) -> None:
        """Make an entry that is seen in time. One that took longer is made again: readers may have looked past it."""
        for _ in range(_ATTEMPTS):
            began = time.monotonic()
            at = self.now_us()
            self._link.all([(self._insert, (place, at // _BUCKET_US, at, writing, done, keys)), *beside])
            if time.monotonic() - began < _WRITE_S:
                return
        raise StoreError(f"{self._link.where}: wrote parameters of {place[:12]}, but is too slow to tell followers; write them again")

    def cursor(self, place: str) -> str:
        """What is there within the overlap counts as told: who takes a cursor reads everything afterwards."""
        now = self.now_us()
        told = {writing: (at, _WHOLE) for at, writing, done in self._named(place, now - OVERLAP_US, now) if done}
        return f"{now}.{self._memory.keep(told)}"

    def moved(self, place: str, since: str, limit: int) -> Moved:
        """A cursor is a time up to which all was told but for late entries, and a token for those told within the overlap.

        A token that this process does not know, since another one made it or it is old, tells them once more.
        """
        found = re.fullmatch(r"(\d{1,18})\.(\w*)", since)
        now = self.now_us()
        if not found or not now - _OLDEST_US < int(found[1]) < now + _OLDEST_US:
            return Moved(self.cursor(place), (), reset=True)
        start, token = int(found[1]), found[2]
        told = dict(self._memory.recall(token))
        keys: list[str] = []
        reach = now
        for each in self._untold(place, start - OVERLAP_US, now, told):
            if len(keys) == limit:
                reach = min(now, each.at)
                break
            if _counts(each.at, each.done, now):
                first = told.get(each.writing, (0, 0))[1]
                keys += (new := each.keys[first : first + limit - len(keys)])
                told[each.writing] = (each.at, first + len(new))
                if first + len(new) < len(each.keys):
                    reach = min(now, each.at)
                    break
                told[each.writing] = (each.at, _WHOLE)
        reach = max(start, reach)
        if keys:
            token = self._memory.keep({writing: entry for writing, entry in told.items() if entry[0] >= reach - OVERLAP_US})
        return Moved(f"{reach}.{token}", tuple(dict.fromkeys(keys)), more=len(keys) == limit)

    def _untold(self, place: str, first_us: int, last_us: int, told: Told) -> Iterator[Entry]:
        """Entries from the first on that was not told whole. Most of the overlap was: of that the keys are not even read."""
        for at, writing, done in self._named(place, first_us, last_us):
            if _counts(at, done, last_us) and told.get(writing, (0, 0))[1] < _WHOLE:
                return self._entries(place, at, last_us)
        return iter(())

    def _named(self, place: str, first_us: int, last_us: int) -> Iterator[tuple[int, UUID, bool]]:
        """Time, writing and whether it was done, of each entry."""
        return self._rows(self._names, _PAGE_NAMES, place, first_us, last_us)

    def _entries(self, place: str, first_us: int, last_us: int) -> Iterator[Entry]:
        return (Entry(*row) for row in self._rows(self._read, _PAGE, place, first_us, last_us))

    def _rows(self, statement: Any, most: int, place: str, first_us: int, last_us: int) -> Iterator[Any]:
        """In the order of their times, also some by a clock that is ahead of `last_us`."""
        for bucket in range(first_us // _BUCKET_US, (last_us + _SKEW_US) // _BUCKET_US + 1):
            position: tuple[int, UUID, bool] = (first_us, UUID(int=0), False)
            while True:
                page = self._link.read(statement, place, bucket, *position, most)
                yield from page
                if len(page) < most:
                    break
                position = page[-1][:3]


def _counts(at: int, done: bool, now: int) -> bool:
    """Whether an entry's keys are to be told; else its writer may be at work."""
    return done or at < now - OVERLAP_US


class _Memory:
    """What was told by cursors of this process, the newest of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Told] = OrderedDict()
        self._size = 0

    def keep(self, told: Told) -> str:
        if not told:
            return ""
        token = uuid.uuid4().hex
        with self._lock:
            self._kept[token] = told
            self._size += len(told)
            while self._size > _TOLD_MAX and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1])
        return token

    def recall(self, token: str) -> Told:
        with self._lock:
            if token not in self._kept:
                return {}
            self._kept.move_to_end(token)
            return self._kept[token]
