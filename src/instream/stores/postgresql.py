"""PostgreSQL: some tables in a schema of its own, for any number of machines."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from instream.errors import StoreError
from instream.stores.backend import UnknownResult
from instream.stores.postgresql_link import Answer, Link, Lost, NoLink, Refused, Settings, longest_s
from instream.stores.postgresql_listener import Listener
from instream.stores.postgresql_parameters import PostgreSQLParameters
from instream.stores.postgresql_schema import SCHEMA as SCHEMA
from instream.stores.postgresql_schema import TABLES, prepare

__all__ = ["PostgreSQLBackend", "Settings", "backend_of"]

_CLEARED = 500
_EXPECTED = (
    "expected postgresql://user:password@host:5432/database; in a name or password write @ as %40, : as %3A, / as %2F, "
    "? as %3F, # as %23 and % as %25"
)


class PostgreSQLBackend:
    """One connection, used by one thread at a time: every statement is short, since files are in chunks.

    A connection that broke is made anew by the next call. A read is then tried once more; an insert is not, since the
    first may have arrived: who asked for it reads.
    """

    poll_s = 0.05

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._longest_s = settings.connect_s + 2 * longest_s(settings)
        self._link: Link | None = None
        self._id = uuid.uuid4().hex
        self._links = 0
        self._closed = False
        self._statements = {table: _Statements(f'"{settings.schema_name}"."{table}"') for table in TABLES}
        self._listener = Listener(settings, channel=settings.schema_name)
        self.parameters = PostgreSQLParameters(self._told, self.mark, settings.schema_name, self._listener)
        with self._translated():
            self._linked()

    def insert(self, place: str, key: str, value: bytes) -> bool:
        with self._used(writing=True):
            return self._ask(self._of(place).insert, self._text(place), self._text(key), value).written == 1

    def read(self, place: str, key: str) -> bytes | None:
        found = self._all(self._of(place).read, self._text(place), self._text(key))
        return found[0][0] if found else None

    def rows(self, place: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        found = self._all(self._of(place).rows, self._text(place), self._text(after), limit)
        return [(key.decode(), value) for key, value in found]

    def newest(self, place: str, limit: int) -> list[tuple[str, bytes]]:
        return [(key.decode(), value) for key, value in self._all(self._of(place).newest, self._text(place), limit)]

    def delete(self, place: str, key: str) -> None:
        with self._used(writing=True):
            self._again(self._of(place).delete, self._text(place), self._text(key))

    def clear(self, place: str) -> None:
        """Some hundred rows at a time: the files of a large model would take longer than a statement may."""
        cleared = _CLEARED
        while cleared:
            with self._used(writing=True):
                cleared = self._again(self._of(place).clear, self._text(place), _CLEARED).written

    def mark(self) -> object:
        """Which transactions can be seen. Equal ones show the same rows, however writers interleave.

        A counter would not do: it moves in the order in which writers begin, and rows show in the order in which they
        end. A transaction that shows between two snapshots was unfinished or unborn in the first, and is neither in the
        second. Numbers of transactions that a crash undid are given again: a crash ends every connection, and each
        connection has marks of its own. Other databases of the server move it too: that costs a reader one look.
        """
        with self._used():
            [(snapshot,)] = self._again("SELECT pg_backend_pid()::text || ' ' || pg_current_snapshot()::text").rows
            return self._links, snapshot

    def close(self) -> None:
        self._closed = True  # at once: who waits for the lock is told
        self._listener.close()
        with self._lock:
            self._unlink()

    def _of(self, place: str) -> _Statements:
        return self._statements["report" if place.startswith("reports/") else "row"]

    def _told(self, statement: str, *values: str | int | bytes, writing: bool = False) -> tuple[Answer, str]:
        checked = [self._text(each) if isinstance(each, str) else each for each in values]
        with self._used(writing):
            return self._again(statement, *checked), f"{self._id}.{self._links}"

    def _all(self, statement: str, *values: str | int) -> list[tuple[bytes, ...]]:
        with self._used():
            return self._again(statement, *values).rows

    def _again(self, statement: str, *values: str | int | bytes) -> Answer:
        """Ask, and once more when the connection was broken, as after a restart of the server."""
        try:
            return self._ask(statement, *values)
        except Lost as lost:
            if lost.silent:
                raise
            return self._ask(statement, *values)

    def _ask(self, statement: str, *values: str | int | bytes) -> Answer:
        link = self._linked()
        try:
            return link.ask(statement, *values)
        except Lost:
            self._unlink()
            raise

    def _linked(self) -> Link:
        """The connection; a new one looks first whether the tables are there."""
        if self._link is None:
            link = Link(self._settings)
            try:
                prepare(link, self._settings)
            except Lost as lost:
                link.close()
                raise NoLink(str(lost)) from lost  # what was asked for is not sent yet
            except BaseException:
                link.close()
                raise
            self._link, self._links = link, self._links + 1
        return self._link

    def _unlink(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _text(self, text: str) -> str:
        """Refuse what PostgreSQL cannot keep as text."""
        try:
            if b"\0" not in text.encode():
                return text
        except UnicodeEncodeError:
            pass
        raise StoreError(f"{self._settings.where}: {text[:40]!r} has a NUL or half a character, which PostgreSQL cannot keep; rename it")

    @contextmanager
    def _used(self, writing: bool = False) -> Iterator[None]:
        """The connection is this thread's, within a bound: another thread may stand before a server that stands still."""
        if not self._lock.acquire(timeout=self._longest_s):
            raise StoreError(
                f"{self._settings.where}: other threads of this process used the connection for {self._longest_s:g} s; "
                "is the server well? Try again"
            )
        try:
            if self._closed:
                raise StoreError(f"{self._settings.where}: the store is closed in this process; open it again")
            with self._translated(writing):
                yield
        finally:
            self._lock.release()

    @contextmanager
    def _translated(self, writing: bool = False) -> Iterator[None]:
        where = self._settings.where
        try:
            yield
        except NoLink as error:
            raise StoreError(f"{where}: {error}; {_connecting_advice(str(error))}") from error
        except Lost as error:
            advice = "see that the server runs and can be reached, and try again"
            if error.silent:
                advice += "; a slow one may be given longer in the URL, ?statement_ms=60000"
            if not writing:
                raise StoreError(f"{where}: {error}; {advice}") from error
            raise UnknownResult(f"{where}: {error}; whether the row was written is not known; {advice}") from error
        except Refused as error:
            raise StoreError(f"{where}: {error}; {_advice(error.state, self._settings)}") from error


class _Statements:
    """What is asked of one table. Workers need rights to write on that of reports only."""

    def __init__(self, table: str) -> None:
        of_place = f"FROM {table} WHERE place = $1"
        self.insert = f"INSERT INTO {table} (place, key, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        self.read = f"SELECT value {of_place} AND key = $2"
        self.rows = f"SELECT key, value {of_place} AND key > $2 ORDER BY key LIMIT $3"
        self.newest = f"SELECT key, value {of_place} ORDER BY key DESC LIMIT $2"
        self.delete = f"DELETE {of_place} AND key = $2"
        self.clear = f"DELETE {of_place} AND key IN (SELECT key {of_place} ORDER BY key LIMIT $2)"


def backend_of(where: str, options: dict[str, str], folder: Path) -> PostgreSQLBackend:
    """Connect, and make the tables when absent; the path of a certificate starts from the folder."""
    parts = _parts(where)
    named = {
        "host": parts.hostname,
        "port": parts.port,
        "user": None if parts.username is None else unquote(parts.username),
        "password": None if parts.password is None else unquote(parts.password),
        "database": unquote(parts.path[1:]),
    }
    if taken := sorted(named.keys() & options.keys()):
        raise StoreError(f"postgresql: {', '.join(taken)} stands before the ? of the URL, not behind it; {_EXPECTED}")
    given: dict[str, Any] = {name: value for name, value in named.items() if value is not None} | options
    if "sslrootcert" in options:
        given["sslrootcert"] = folder / options["sslrootcert"]
    return PostgreSQLBackend(Settings.model_validate(given))


def _parts(where: str) -> SplitResult:
    """Of what stands before the `?`. A message shows nothing of it: a part of a password may be anywhere."""
    try:
        parts = urlsplit(f"postgresql://{where}")
        well = bool(parts.hostname and parts.username and parts.path[1:]) and "/" not in parts.path[1:] and not parts.fragment
        well = well and (parts.port or 1) > 0
    except ValueError:  # the port is not a number, or the brackets of an address are not closed
        well = False
    if not well:
        raise StoreError(f"store postgresql://…: {_EXPECTED}")
    return parts


def _advice(state: str, settings: Settings) -> str:
    schema = settings.schema_name
    if state == "42501":
        return (
            f'let the owner of the database run `instream store init`, and GRANT USAGE ON SCHEMA "{schema}", SELECT ON ALL TABLES IN '
            f'SCHEMA "{schema}", INSERT, DELETE ON "{schema}".report, and for who publishes also INSERT, DELETE ON "{schema}"."row", '
            f'"{schema}".parameter TO "{settings.user}"'
        )
    if state == "57014":
        return "the server took longer than statement_ms; see what it is busy with, or raise it in the URL (?statement_ms=60000)"
    if state in ("42P01", "3F000"):
        return "the tables were dropped while this process ran; restore them from a backup, or open the store again"
    if state.startswith("53"):
        return "the server lacks disk, memory or connections; make room there"
    if state.startswith("XX"):
        return "the server's files are damaged; restore the database from a backup"
    if state == "54000":
        return "a name is too long; shorten it"
    return f"SQLSTATE {state}: see the server's log"


def _connecting_advice(problem: str) -> str:
    if "password" in problem or "authentication" in problem or "role " in problem:
        return "see that user and password in the URL are right, and that pg_hba.conf lets this user in"
    if "does not exist" in problem:
        return "create the database (createdb), or correct its name in the URL"
    if "resolve" in problem or "translate host" in problem or "not known" in problem:
        return "correct the host in the URL, or its entry in DNS"
    if "read-only" in problem or "standby" in problem:
        return "name the primary server: a standby cannot be written to, and lags"
    if "too many" in problem or "connection slots" in problem:
        return "each process needs one connection, or two where it follows parameters; raise max_connections of the server, or end some"
    return "see that the server runs and that this host and port reach it, and try again"
