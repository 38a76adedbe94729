"""Parameters in PostgreSQL. Which transactions a reader has seen is the log: numbers would show in another order than they were given."""

from __future__ import annotations

import contextlib
import json
import struct
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from instream.errors import StoreError
from instream.stores.parameter_rows import KEPT, Moved, Row
from instream.stores.postgresql_link import Answer
from instream.stores.postgresql_listener import TELL, Listener

_TEXT, _BIGINT, _BYTEA = 25, 20, 17  # the server's numbers of types
_CLEARED = 2_000
_POLL_S = 0.025
_HEARD_S = 0.01  # asks nothing of the server
_DEAF_S = 0.5


class Ask(Protocol):
    """One statement; also which connection answered. Asked again where the connection broke: it must do no harm twice."""

    def __call__(self, statement: str, *values: str | int | bytes, writing: bool = False) -> tuple[Answer, str]: ...


class PostgreSQLParameters:
    """Satisfies ParameterRows; shares the connection of the store's other rows.

    A cursor is a snapshot: which transactions its reader could see. What one could not see and the next one can has
    moved, however writers interleave. A cursor holds for one connection only: a crash of the server gives numbers of
    transactions again that an old snapshot calls ended, and no connection outlives a crash.
    """

    def __init__(self, ask: Ask, mark: Callable[[], object], schema: str, listener: Listener) -> None:
        self._ask = ask
        self._mark = mark
        self._schema = schema
        self._listener = listener
        table = f'"{schema}".parameter'
        columns = "key, revision::text, writer, payload"
        newest = "ORDER BY revision DESC, writer DESC LIMIT"
        self._append = (
            f"INSERT INTO {table} (place, key, revision, writer, payload) "
            "SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::bytea[]) ON CONFLICT DO NOTHING"
        )
        self._newest = (
            f"SELECT {columns} FROM unnest($2::text[]) asked(wanted) CROSS JOIN LATERAL "
            f'(SELECT * FROM {table} WHERE place = $1 AND key = wanted COLLATE "C" {newest} 1) found'
        )
        self._history = f"SELECT {columns} FROM {table} WHERE place = $1 AND key = $2 {newest} $3"
        # from key to key through the index: a key with a long history costs no more than another
        self._keys = (
            f"WITH RECURSIVE met(key, nth) AS ((SELECT key, 1 FROM {table} WHERE place = $1 AND key > $2 ORDER BY key LIMIT 1) UNION ALL "
            f"SELECT (SELECT next.key FROM {table} next WHERE place = $1 AND next.key > met.key ORDER BY next.key LIMIT 1), nth + 1 "
            "FROM met WHERE met.key IS NOT NULL AND nth < $3) SELECT key FROM met WHERE key IS NOT NULL ORDER BY nth"
        )
        self._trim = (
            f"DELETE FROM {table} WHERE place = $1 AND key = $2 AND (revision, writer) < "
            f"(SELECT revision, writer FROM {table} WHERE place = $1 AND key = $2 {newest} 1 OFFSET $3)"
        )
        self._clear = (
            f"DELETE FROM {table} WHERE place = $1 AND (key, revision, writer) IN (SELECT key, revision, writer FROM {table} "
            "WHERE place = $1 ORDER BY key, revision, writer LIMIT $2)"
        )
        self._moved = _moved(table)

    @property
    def poll_s(self) -> float:
        return _HEARD_S if self._listener.listening else _POLL_S

    def now_us(self) -> int:
        [(now,)] = self._ask("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text")[0].rows
        return int(now)

    def append(self, place: str, rows: Sequence[Row]) -> None:
        keys, revisions, writers, payloads = zip(*rows, strict=True) if rows else ((), (), (), ())
        self._ask(
            self._append,
            place,
            _texts(keys),
            _array(_BIGINT, [each.to_bytes(8, "big", signed=True) for each in revisions]),
            _texts(writers),
            _array(_BYTEA, payloads),
            writing=True,
        )
        with contextlib.suppress(StoreError):  # the rows are there, and are found without it
            self._ask(TELL, self._schema)

    def newest(self, place: str, keys: Sequence[str]) -> list[Row]:
        return _rows(self._ask(self._newest, place, _texts(keys))[0])

    def history(self, place: str, key: str, limit: int) -> list[Row]:
        return _rows(self._ask(self._history, place, key, limit)[0])

    def keys(self, place: str, after: str, limit: int) -> list[str]:
        return [key.decode() for (key,) in self._ask(self._keys, place, after, limit)[0].rows]

    def trim(self, place: str, key: str) -> None:
        self._ask(self._trim, place, key, KEPT - 1, writing=True)

    def clear(self, place: str) -> None:
        while self._ask(self._clear, place, _CLEARED, writing=True)[0].written:
            pass

    def cursor(self, place: str) -> str:
        answer, link = self._ask("SELECT pg_current_snapshot()::text")
        return json.dumps([link, answer.rows[0][0].decode()])

    def moved(self, place: str, since: str, limit: int) -> Moved:
        """A cursor is [connection, snapshot], or within pages [connection, snapshot, that of the first page, last row told].

        Later pages tell what could be seen when the first was read, in one order, so that none is passed over; what
        came after that is told from the first page's snapshot on.
        """
        link, old, till, last = _parsed(since)
        if not link:
            return Moved(self.cursor(place), (), reset=True)
        answer, answered = self._ask(self._moved, place, old, till, *last, limit)
        told = [tuple(each.decode() for each in row) for row in answer.rows]
        till = told[0][0]
        if answered != link:
            return Moved(json.dumps([answered, till]), (), reset=True)
        told = [row for row in told if row[1]]
        keys = tuple(dict.fromkeys(row[2] for row in told))
        if len(told) < limit:
            return Moved(json.dumps([link, till]), keys)
        return Moved(json.dumps([link, old, till, *told[-1][1:]]), keys, more=True)

    def mark(self) -> object:
        """Without a round trip while somebody listens; then another one each half second, as a listener can go deaf."""
        heard = self._listener.last()
        return self._mark() if heard is None else (heard, int(time.monotonic() / _DEAF_S))


def _moved(table: str) -> str:
    """$1 place, $2 old snapshot, $3 the first page's or none, $4 to $7 the last row told, $8 limit.

    The snapshot is repeated on each row, and alone where there is none. Rows of transactions that the old snapshot could
    not see: of those that began later, and of those that were under way, each through the index, however long one lasts.
    Rows that came with a backup have numbers of another server, which no snapshot sees until this one has come to them.
    """
    row = "xid, key, revision, writer"
    old, till = "$2::pg_snapshot", "coalesce(nullif($3, '')::pg_snapshot, pg_current_snapshot())"

    def page(which: str) -> str:
        seen = f"xid < pg_snapshot_xmax({till}) AND pg_visible_in_snapshot(xid, {till}) AND ({row}) > ($4::xid8, $5, $6, $7)"
        return f"(SELECT {row} FROM {table} WHERE place = $1 AND {which} AND {seen} ORDER BY {row} LIMIT $8)"

    # one at a time: of `xid = ANY` the planner may make a filter on the whole history
    under_way = f"SELECT its.* FROM pg_snapshot_xip({old}) one CROSS JOIN LATERAL {page('xid = one')} its"
    return (
        f"SELECT ({till})::text, xid::text, key, revision::text, writer FROM (SELECT) one LEFT JOIN "
        f"({page(f'xid >= pg_snapshot_xmax({old})')} UNION ALL {under_way} ORDER BY {row} LIMIT $8) told ON true "
        "ORDER BY told.xid, told.key, told.revision, told.writer"
    )


def _parsed(cursor: str) -> tuple[str, str, str, tuple[str, ...]]:
    """Connection, old snapshot, the first page's, last row told; no connection where it is not one of our cursors."""
    try:
        match json.loads(cursor):
            case [str(link), str(old)]:
                return link, old, "", ("0", "", "0", "")
            case [str(link), str(old), str(till), str(xid), str(key), str(revision), str(writer)]:
                return link, old, till, (xid, key, revision, writer)
    except ValueError:
        pass
    return "", "", "", ()


def _rows(answer: Answer) -> list[Row]:
    return [Row(key.decode(), int(revision), writer.decode(), payload) for key, revision, writer, payload in answer.rows]


def _texts(texts: Sequence[str]) -> bytes:
    return _array(_TEXT, [each.encode() for each in texts])


def _array(kind: int, items: Sequence[bytes]) -> bytes:
    """As the server's binary format has one: payloads written as text would be twice as large."""
    if not items:
        return struct.pack("!iiI", 0, 0, kind)
    head = struct.pack("!iiIii", 1, 0, kind, len(items), 1)  # dimensions, no NULLs, type; length, first index
    return head + b"".join(part for each in items for part in (struct.pack("!i", len(each)), each))
