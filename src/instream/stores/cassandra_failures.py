"""What the driver of Cassandra raises, as ours, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from cassandra import AuthenticationFailed, DriverException, InvalidRequest, Unauthorized, UnresolvableContactPoints
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.protocol import ErrorMessage

from instream.errors import StoreError

FAILURES = (DriverException, NoHostAvailable, ErrorMessage, ConnectionException, ConnectionBusy)
_REFUSALS = (InvalidRequest, Unauthorized, AuthenticationFailed)
_UNSETTLED = "Unable to perform auth"
"""So begins what a node says that could not read the users' rights from others."""


@contextmanager
def translated(where: str, kind: type[StoreError]) -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        give_up(where, error, kind)


def refused(error: Exception) -> bool:
    """A node looked at the statement and would not do it: it had no effect, nor will it have one the next time."""
    return isinstance(error, _REFUSALS) and _UNSETTLED not in str(error)


def give_up(where: str, error: Exception, kind: type[StoreError]) -> NoReturn:
    """The driver's exceptions as ours: what a node refused did not happen, of anything else only reading tells."""
    causes = _causes(error)
    raise (StoreError if all(map(refused, causes)) else kind)(f"{where}: {_told(error, causes[0])}; {_advice(causes[0])}") from error


def _causes(error: Exception) -> list[Exception]:
    """Of no node being available: what each of them said."""
    said = error.errors.values() if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict) else ()
    return [cause for cause in said if isinstance(cause, Exception)] or [error]


def _told(error: Exception, cause: Exception) -> str:
    what = " ".join(str(cause).split())[:300] or type(cause).__name__
    return f"no node answers ({what})" if isinstance(error, NoHostAvailable) else f"{type(cause).__name__}: {what}"


def _advice(cause: Exception) -> str:
    if _UNSETTLED in str(cause):
        return "see that enough nodes are up (nodetool status), and that system_auth has as many copies as the keyspace"
    if "[SSL" in str(cause):
        return "see ?ssl_ca= (who signed the nodes' certificates), ?ssl_cert=, and that each node's certificate names its address"
    if isinstance(cause, AuthenticationFailed):
        return "see user and password in the URL"
    if isinstance(cause, Unauthorized):
        return (
            "grant SELECT on the keyspace and MODIFY on its table report, to who publishes MODIFY on all of it, "
            "and CREATE ON ALL KEYSPACES to who runs `instream store init`"
        )
    if isinstance(cause, InvalidRequest):
        return "the keyspace or its tables are not what this instream made; name another keyspace"
    if isinstance(cause, UnresolvableContactPoints | NoHostAvailable | ConnectionException | OSError):
        return "see that host and port in the URL are right, that nodes are up, and whether they want ?tls=true"
    return "see that enough nodes are up (nodetool status) and not overloaded, then try again; ?request_ms= gives them longer"
