"""Parameters in Cassandra: plain writes of rows that nobody changes, so that no transaction is needed."""

from __future__ import annotations

import threading
import time
import uuid
import zlib
from collections.abc import Sequence
from typing import Any

from instream.errors import StoreError
from instream.flow import points
from instream.stores.cassandra_link import Link, batch
from instream.stores.cassandra_log import Log
from instream.stores.cassandra_schema import PARAMETERS, tables
from instream.stores.cassandra_settings import Settings
from instream.stores.parameter_rows import KEPT, Moved, Row

PAYLOAD_BYTES_MAX = 8 << 20
"""Cassandra takes no write larger than half a segment of its commit log: 16 MiB, if nobody set it otherwise."""

_POLL_S, _POLL_S_MAX = 0.2, 0.8
_PAUSE = 4
"""Of a follower's time at most a fifth goes into looks."""

_TOGETHER = 16
"""Keys that are read by one statement: one node answers for all, and holds 128 MiB at the very most."""

_SHARDS = 64
_SHARDS_AT_ONCE = 16
_PAGE = 1_000


class CassandraParameters:
    """A key is a partition, its newest row first; the keys of a set are listed in shards. Satisfies ParameterRows.

    What is asked is prepared when it is needed first: a store of models without keys need not have the tables.
    """

    def __init__(self, link: Link, settings: Settings) -> None:
        self.poll_s = _POLL_S
        self._link = link
        self._settings = settings
        self._lock = threading.Lock()
        self._kept: tuple[Log, _Statements] | None = None

    def now_us(self) -> int:
        return self._log.now_us()

    def append(self, place: str, rows: Sequence[Row]) -> None:
        """The key is listed before it has a row, and the log tells of it before and after: see cassandra_log."""
        for row in rows:
            if len(row.payload) > PAYLOAD_BYTES_MAX:
                raise StoreError(f"key {row.key}: parameters of {len(row.payload):,} bytes; Cassandra keeps {PAYLOAD_BYTES_MAX:,} at most")
        if not rows:
            return
        writing, keys = uuid.uuid4(), [row.key for row in rows]
        self._log.announce(place, writing, keys, done=False, beside=self._listing(place, keys))
        points.reached("parameters")
        self._link.all((self._ask.insert, (place, *row)) for row in rows)
        points.reached("parameters")
        self._log.announce(place, writing, keys, done=True)

    def _listing(self, place: str, keys: Sequence[str]) -> list[tuple[Any, None]]:
        """A batch for each shard: of one partition, it is one write."""
        shards: dict[int, list[tuple[str, int, str]]] = {}
        for key in keys:
            shards.setdefault(_shard(key), []).append((place, _shard(key), key))
        return [(batch(self._ask.list, rows), None) for rows in shards.values()]

    def newest(self, place: str, keys: Sequence[str]) -> list[Row]:
        """Some partitions at a time: an answer for each key would take the driver three times as long."""
        groups = (list(keys[at : at + _TOGETHER]) for at in range(0, len(keys), _TOGETHER))
        found = self._link.all((self._ask.some, (place, group)) for group in groups)
        return [Row(*row) for rows in found for row in rows]

    def history(self, place: str, key: str, limit: int) -> list[Row]:
        return [Row(*row) for row in self._link.read(self._ask.newest, place, key, limit)]

    def keys(self, place: str, after: str, limit: int) -> list[str]:
        """Shard by shard: the last key says in which one to go on."""
        first = _shard(after) if after else 0
        found = [key for (key,) in self._link.read(self._ask.keys, place, first, after, limit)]
        for start in range(first + 1, _SHARDS, _SHARDS_AT_ONCE):
            if len(found) >= limit:
                break
            shards = range(start, min(start + _SHARDS_AT_ONCE, _SHARDS))
            pages = self._link.all((self._ask.keys, (place, shard, "", limit - len(found))) for shard in shards)
            found += [key for page in pages for (key,) in page]
        return found[:limit]

    def trim(self, place: str, key: str) -> None:
        """One deletion of a range: each leaves a tombstone, behind the rows that are kept."""
        kept = self._link.read(self._ask.revisions, place, key, KEPT + 1)
        if len(kept) > KEPT:
            self._link.all([(self._ask.trim, (place, key, kept[KEPT - 1][0]))])

    def clear(self, place: str) -> None:
        """The lists last: a removal that was cut short is taken up again."""
        for shard in range(_SHARDS):
            last = ""
            while page := self._link.read(self._ask.keys, place, shard, last, _PAGE):
                last = page[-1][0]
                self._link.all((self._ask.clear, (place, key)) for (key,) in page)
            if last:
                self._link.all([(self._ask.unlist, (place, shard))])

    def cursor(self, place: str) -> str:
        return self._log.cursor(place)

    def moved(self, place: str, since: str, limit: int) -> Moved:
        """Where many write a few keys at a time the log is long, and a look takes long: then there are fewer of them."""
        began = time.monotonic()
        found = self._log.moved(place, since, limit)
        self.poll_s = min(max(_POLL_S, _PAUSE * (time.monotonic() - began)), _POLL_S_MAX)
        return found

    def mark(self) -> object:
        return object()

    @property
    def _log(self) -> Log:
        return self._ready()[0]

    @property
    def _ask(self) -> _Statements:
        return self._ready()[1]

    def _ready(self) -> tuple[Log, _Statements]:
        with self._lock:
            if self._kept is None:
                self._refuse_without_tables()
                self._kept = Log(self._link, self._settings), _Statements(self._link, self._settings)
            return self._kept

    def _refuse_without_tables(self) -> None:
        absent = set(PARAMETERS) - self._link.again(lambda: tables(self._link.session, self._settings.keyspace))
        if absent:
            raise StoreError(
                f"{self._link.where}: no tables for keyed models ({', '.join(sorted(absent))}); `instream store init URL` makes them, by a "
                f"user with CREATE ON KEYSPACE {self._settings.keyspace}"
            )


class _Statements:
    """Prepared; each but `some` names its partition, so that a node that keeps it is asked."""

    def __init__(self, link: Link, settings: Settings) -> None:
        rows, keys = (f'"{settings.keyspace}".{table}' for table in ("parameter", "parameter_key"))
        of_key, level = "WHERE place = ? AND key = ?", settings.consistency
        self.insert = link.prepared(f"INSERT INTO {rows} (place, key, revision, writer, payload) VALUES (?, ?, ?, ?, ?)", level)
        self.newest = link.prepared(f"SELECT key, revision, writer, payload FROM {rows} {of_key} LIMIT ?", level)
        some = "WHERE place = ? AND key IN ? PER PARTITION LIMIT 1"
        self.some = link.prepared(f"SELECT key, revision, writer, payload FROM {rows} {some}", level)
        self.revisions = link.prepared(f"SELECT revision FROM {rows} {of_key} LIMIT ?", level)
        self.trim = link.prepared(f"DELETE FROM {rows} {of_key} AND revision < ?", level)
        self.clear = link.prepared(f"DELETE FROM {rows} {of_key}", level)
        self.list = link.prepared(f"INSERT INTO {keys} (place, shard, key) VALUES (?, ?, ?)", level)
        self.keys = link.prepared(f"SELECT key FROM {keys} WHERE place = ? AND shard = ? AND key > ? LIMIT ?", level)
        self.unlist = link.prepared(f"DELETE FROM {keys} WHERE place = ? AND shard = ?", level)


def _shard(key: str) -> int:
    return zlib.crc32(key.encode()) % _SHARDS
