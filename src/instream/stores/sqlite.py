"""One SQLite file: one machine, many processes. The default."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, Field

from instream.errors import StoreError
from instream.stores.backend import absent
from instream.stores.sqlite_parameters import LOG, TABLE, SQLiteParameters

APPLICATION = 0x696E7374  # "inst": says whose file it is
SCHEMA = 2  # 1 had no parameters


class Settings(BaseModel, extra="forbid", frozen=True):
    """`sqlite:///relative.db`, `sqlite:////absolute.db`."""

    path: Path = Field(description="The folder that it is in must exist.")
    create: bool = Field(True, description="Make it where it is absent.")
    busy_ms: int = Field(30_000, gt=0, le=600_000, description="Longest wait for another writer.")


class SQLiteBackend:
    """One table. One connection, used by one thread at a time: every statement is short, since files are in chunks."""

    poll_s = 0.02  # asking for data_version costs some microseconds

    def __init__(self, settings: Settings) -> None:
        self._path = settings.path
        self._lock = threading.Lock()
        self._writes = 0
        with _translated(self._path):
            self._connection = _opened(settings)
        self.parameters = SQLiteParameters(self._turn, self.mark)

    def insert(self, place: str, key: str, value: bytes) -> bool:
        return self._write("INSERT INTO row VALUES (?, ?, ?) ON CONFLICT DO NOTHING", place, key, value) == 1

    def read(self, place: str, key: str) -> bytes | None:
        found = self._all("SELECT key, value FROM row WHERE place = ? AND key = ?", place, key)
        return found[0][1] if found else None

    def rows(self, place: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        return self._all("SELECT key, value FROM row WHERE place = ? AND key > ? ORDER BY key LIMIT ?", place, after, limit)

    def newest(self, place: str, limit: int) -> list[tuple[str, bytes]]:
        return self._all("SELECT key, value FROM row WHERE place = ? ORDER BY key DESC LIMIT ?", place, limit)

    def delete(self, place: str, key: str) -> None:
        self._write("DELETE FROM row WHERE place = ? AND key = ?", place, key)

    def clear(self, place: str) -> None:
        self._write("DELETE FROM row WHERE place = ?", place)

    def mark(self) -> object:
        with self._lock, _translated(self._path):
            # data_version moves with the commits of other connections; our own are counted here
            return self._connection.execute("PRAGMA data_version").fetchone()[0], self._writes

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _turn(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated(self._path):
            before = self._connection.total_changes
            yield self._connection
            self._writes += self._connection.total_changes - before

    def _write(self, statement: str, *values: str | bytes) -> int:
        with self._lock, _translated(self._path):
            self._writes += 1
            return self._connection.execute(statement, values).rowcount

    def _all(self, statement: str, *values: str | int) -> list[tuple[str, bytes]]:
        with self._lock, _translated(self._path):
            return self._connection.execute(statement, values).fetchall()


def backend_of(where: str, options: dict[str, str], folder: Path) -> SQLiteBackend:
    """Open or create the file; a relative path starts from the folder."""
    if not where.startswith("/") or where == "/":
        raise StoreError(f"sqlite://{where}: expected sqlite:///relative.db or sqlite:////absolute/path.db")
    return SQLiteBackend(Settings.model_validate({"path": folder / where[1:], **options}))


def _opened(settings: Settings) -> sqlite3.Connection:
    if not settings.create and not settings.path.exists():
        raise absent(f"{settings.path}")
    connection = sqlite3.connect(
        settings.path, timeout=settings.busy_ms / 1000, isolation_level=None, check_same_thread=False, cached_statements=16
    )
    try:
        _check(connection, settings.path)
        _to_wal(connection, settings.busy_ms)
        connection.execute("PRAGMA synchronous = FULL")  # what `put` has promised survives a power cut
        _create(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file of something else, before anything is written to it."""
    connection.execute("BEGIN")  # one snapshot: another process may be creating the store just now
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    schema = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    connection.execute("COMMIT")
    if application != APPLICATION and (application or schema or tables):
        raise StoreError(f"{path}: a SQLite file, but not a model store; name another file, it is created when absent")
    if application == APPLICATION and schema > SCHEMA:
        raise StoreError(f"{path}: a model store with schema {schema}, this instream knows schema {SCHEMA}; upgrade instream")


def _to_wal(connection: sqlite3.Connection, busy_ms: int) -> None:
    """Readers go on while one writes. SQLite does not wait for others here by itself."""
    end = time.monotonic() + busy_ms / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def _create(connection: sqlite3.Connection) -> None:
    """Or bring an older one to this schema, which only adds."""
    if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA:
        return
    with connection:  # commits, or rolls back
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS row (place TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (place, key))"
        )
        connection.execute(TABLE)
        connection.execute(LOG)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's exceptions as ours. None of them leaves a write in doubt: a statement is committed or rolled back."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise StoreError(f"{path}: the store is closed in this process ({error}); open it again") from error
    except sqlite3.OperationalError as error:
        raise StoreError(f"{path}: {error}; {_advice(str(error))}") from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}; restore the file from a backup, or name another one") from error


def _advice(problem: str) -> str:
    if "locked" in problem:
        return "another process wrote for longer than busy_ms; raise it in the URL (?busy_ms=60000) or stop that process"
    if "unable to open" in problem:
        return "its folder must exist, and this user must be able to write there"
    return "see that the disk has room and that this user may write to the file"
