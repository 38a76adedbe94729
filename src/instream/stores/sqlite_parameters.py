"""Parameters in a SQLite file. One writer at a time, so the order of row numbers is the order of commits: they are the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from sqlite3 import Connection

from instream.stores.parameter_rows import KEPT, Moved, Row

# AUTOINCREMENT: a number is never used again, not even when the rows with the greatest ones are removed
TABLE = """\
CREATE TABLE IF NOT EXISTS parameter (
  number INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL,
  writer TEXT NOT NULL, payload BLOB NOT NULL, UNIQUE (place, key, revision, writer))"""
LOG = "CREATE INDEX IF NOT EXISTS parameter_log ON parameter (place, number, key)"

_NEWEST = "SELECT key, revision, writer, payload FROM parameter WHERE place = ? AND key = ? ORDER BY revision DESC, writer DESC LIMIT ?"
_TURN = 200  # so many reads, then whoever else waits for the connection


class SQLiteParameters:
    """Satisfies ParameterRows; shares the connection of the file's other rows.

    Args:
        turn: gives the connection to one thread at a time and translates what it raises.
        mark: of the file as a whole.
    """

    poll_s = 0.02

    def __init__(self, turn: Callable[[], AbstractContextManager[Connection]], mark: Callable[[], object]) -> None:
        self._turn = turn
        self._mark = mark

    def now_us(self) -> int:
        return time.time_ns() // 1_000  # one machine, one clock

    def append(self, place: str, rows: Sequence[Row]) -> None:
        given = [(place, *row) for row in rows]
        with self._turn() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(
                    "INSERT INTO parameter (place, key, revision, writer, payload) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", given
                )
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

    def newest(self, place: str, keys: Sequence[str]) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(keys), _TURN):
            with self._turn() as connection:
                for key in keys[start : start + _TURN]:
                    found += (Row(*row) for row in connection.execute(_NEWEST, (place, key, 1)))
        return found

    def history(self, place: str, key: str, limit: int) -> list[Row]:
        with self._turn() as connection:
            return [Row(*row) for row in connection.execute(_NEWEST, (place, key, limit))]

    def keys(self, place: str, after: str, limit: int) -> list[str]:
        statement = "SELECT DISTINCT key FROM parameter WHERE place = ? AND key > ? ORDER BY key LIMIT ?"
        with self._turn() as connection:
            return [key for (key,) in connection.execute(statement, (place, after, limit))]

    def trim(self, place: str, key: str) -> None:
        statement = (
            "DELETE FROM parameter WHERE number IN (SELECT number FROM parameter WHERE place = ? AND key = ? "
            "ORDER BY revision DESC, writer DESC LIMIT -1 OFFSET ?)"
        )
        with self._turn() as connection:
            connection.execute(statement, (place, key, KEPT))

    def clear(self, place: str) -> None:
        with self._turn() as connection:
            connection.execute("DELETE FROM parameter WHERE place = ?", (place,))

    def cursor(self, place: str) -> str:
        return f"{self._last()}"

    def moved(self, place: str, since: str, limit: int) -> Moved:
        """The greatest number ever given is read first: a row that is committed meanwhile has a greater one."""
        last = self._last()
        if not since.isdecimal() or int(since) > last:  # another file, or a backup of this one
            return Moved(f"{last}", (), reset=True)
        statement = "SELECT number, key FROM parameter WHERE place = ? AND number > ? ORDER BY number LIMIT ?"
        with self._turn() as connection:
            told = connection.execute(statement, (place, int(since), limit)).fetchall()
        cursor = told[-1][0] if len(told) == limit else max(last, told[-1][0] if told else 0)
        return Moved(f"{cursor}", tuple(dict.fromkeys(key for _, key in told)), more=len(told) == limit)

    def mark(self) -> object:
        return self._mark()

    def _last(self) -> int:
        with self._turn() as connection:
            found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'parameter'").fetchone()
        return int(found[0]) if found else 0
