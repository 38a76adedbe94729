"""One connection to PostgreSQL on which nothing waits for ever, not even for a server that stands still."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format
from pydantic import BaseModel, Field, SecretStr, StringConstraints

from instream.secrets import HIDDEN

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

_SLACK_S = 1.0
"""What a server that does end its statement at `statement_timeout` may need to say so."""

_GOING_AWAY = ("08", "57P")
"""SQLSTATEs of a connection that ends: shut down, crashed, starting, idle for too long."""


_Text = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\x00]*$")]


class Settings(BaseModel, extra="forbid", frozen=True):
    """`postgresql://user:password@host:5432/database?schema=instream`."""

    host: _Text
    port: int = Field(5432, gt=0, lt=65536)
    user: _Text
    password: SecretStr | None = Field(None, description="When absent, libpq looks in PGPASSWORD and ~/.pgpass.")
    database: _Text
    schema_name: str = Field("instream", alias="schema", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    create: bool = Field(True, description="Make the tables where they are absent.")
    statement_ms: int = Field(10_000, gt=0, le=600_000, description="Longest time for one statement.")
    connect_s: int = Field(5, ge=2, le=600, description="Longest wait for a connection; libpq knows nothing below 2 s.")
    sslmode: Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] = "prefer"
    sslrootcert: Path | None = Field(None, description="Certificates of those who may sign the server's.")

    @property
    def where(self) -> str:
        """For messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        password = "" if self.password is None else f":{HIDDEN}"
        return f"postgresql://{self.user}{password}@{host}:{self.port}/{self.database}, schema {self.schema_name}"


class Refused(Exception):
    """The server said no, and nothing was written."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


class Lost(Exception):
    """The connection broke after the statement went out: it may have been done or not.

    Attributes:
        silent: nothing came in the time allowed, so that asking again would only wait again.
    """

    def __init__(self, message: str, silent: bool = False) -> None:
        super().__init__(message)
        self.silent = silent


class NoLink(Exception):
    """There is no connection, and nothing was sent."""


class Answer(NamedTuple):
    """Rows as bytes (statements cast what is not bytea to text), and how many were written."""

    rows: list[tuple[bytes, ...]]
    written: int


class Link:
    """Not thread-safe. After Lost it is of no use any more; the caller closes it and makes another."""

    def __init__(self, settings: Settings) -> None:
        self._longest_s = longest_s(settings)
        try:
            self._connection = psycopg.connect(autocommit=True, **_parameters(settings))
        except psycopg.Error as error:
            raise NoLink(" ".join(str(error).split())) from error

    def ask(self, statement: str, *values: str | int | bytes) -> Answer:
        """One statement and its answer. Raises Refused or Lost.

        Through libpq's own calls, since a cursor of psycopg waits for the answer as long as the server takes; and they
        prepare no statements, so that a pooler may stand in between.
        """
        deadline = time.monotonic() + self._longest_s
        connection = self._connection.pgconn
        with _lost():
            connection.send_query_params(
                statement.encode(),
                [each if isinstance(each, bytes) else str(each).encode() for each in values],
                param_formats=[Format.BINARY if isinstance(each, bytes) else Format.TEXT for each in values],
                result_format=Format.BINARY,
            )
            answer = Answer([], 0)
            for result in list(self._results(connection, deadline)):  # all, before one of them raises
                answer = _checked(result)
        if connection.status != ConnStatus.OK:
            raise Lost("the connection broke")
        return answer

    def listen(self, bell: socket.socket) -> None:
        """Return when something was heard on a channel, or when the other end of the bell was closed. Raises Lost."""
        connection = self._connection.pgconn
        poll = select.poll()
        poll.register(connection.socket, select.POLLIN)
        poll.register(bell, select.POLLIN)
        with _lost():
            while connection.notifies() is None and all(number != bell.fileno() for number, _ in poll.poll()):
                connection.consume_input()  # notices as well, which say nothing here
            while connection.notifies() is not None:
                pass

    def said(self, parameter: str) -> str:
        """What the server said about itself when it was connected to."""
        return (self._connection.pgconn.parameter_status(parameter.encode()) or b"").decode()

    def close(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self._connection.close()

    def _results(self, connection: PGconn, deadline: float) -> Iterator[PGresult]:
        """All of them: libpq takes the next statement only after the end."""
        while connection.flush():
            if self._wait(connection, select.POLLIN | select.POLLOUT, deadline) & select.POLLIN:
                connection.consume_input()
        while True:
            while connection.is_busy():
                self._wait(connection, select.POLLIN, deadline)
                connection.consume_input()
            if (result := connection.get_result()) is None:
                return
            yield result

    def _wait(self, connection: PGconn, events: int, deadline: float) -> int:
        poll = select.poll()
        poll.register(connection.socket, events)
        ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            raise Lost(f"no answer in {self._longest_s:g} s", silent=True)
        return ready[0][1]


def longest_s(settings: Settings) -> float:
    """The longest wait for the answer to one statement."""
    return settings.statement_ms / 1000 + _SLACK_S


def _parameters(settings: Settings) -> dict[str, Any]:
    server = {
        "statement_timeout": str(settings.statement_ms),
        "default_transaction_isolation": "read\\ committed",  # a stricter default of the database could refuse an insert
        "search_path": "pg_catalog",  # nobody's own functions
    }
    return {
        "host": settings.host,
        "port": settings.port,
        "user": settings.user,
        "password": None if settings.password is None else settings.password.get_secret_value(),
        "dbname": settings.database,
        "sslmode": settings.sslmode,
        "sslrootcert": None if settings.sslrootcert is None else str(settings.sslrootcert),
        "connect_timeout": settings.connect_s,
        "application_name": "instream",
        "client_encoding": "UTF8",
        "target_session_attrs": "read-write",  # a standby lags: a read that starts after a write might not see it
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": int(longest_s(settings) * 1000),
    }


def _checked(result: PGresult) -> Answer:
    if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        state = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        message = (result.error_field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message).decode(errors="replace").strip()
        # without a state it is libpq that speaks, and it does so when the connection broke
        raise Lost(message) if not state or state.startswith(_GOING_AWAY) else Refused(state, message)
    rows = [tuple(result.get_value(row, column) or b"" for column in range(result.nfields)) for row in range(result.ntuples)]
    return Answer(rows, result.command_tuples or 0)


@contextmanager
def _lost() -> Iterator[None]:
    """What libpq cannot send or receive."""
    try:
        yield
    except psycopg.Error as error:
        raise Lost(" ".join(str(error).split())) from error
