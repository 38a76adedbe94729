"""The connection to Cassandra of one process: how its driver is asked."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from cassandra import ConsistencyLevel, InvalidRequest
from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent
from cassandra.query import BatchStatement, BatchType

from instream.errors import StoreError
from instream.stores.backend import UnknownResult
from instream.stores.cassandra_failures import FAILURES, give_up, refused, translated

AGREEMENT_S = 30.0
_PAUSE_S = 0.1
_CONCURRENT = 100

Result = TypeVar("Result")


class Link:
    """Thread-safe; ends with the store."""

    def __init__(self, session: Session, where: str, request_s: float) -> None:
        self.session = session
        self.where = where
        self._request_s = request_s
        self._closed = threading.Event()

    def close(self) -> None:
        self._closed.set()
        self.session.cluster.shutdown()

    def prepared(self, text: str, consistency: str) -> Any:
        """Prepared, with the consistency that it is always asked at."""
        self._refuse_if_closed()
        with translated(self.where, StoreError):
            statement = agreed(lambda: self.session.prepare(text))
        statement.consistency_level = getattr(ConsistencyLevel, consistency)
        return statement

    def once(self, statement: Any, *values: object) -> list[Any]:
        """A second attempt would not know what the first one did. Who asked settles it by reading."""
        self._refuse_if_closed()
        with translated(self.where, UnknownResult):
            return list(self.session.execute(statement, values))

    def read(self, statement: Any, *values: object) -> list[Any]:
        return self.again(lambda: list(self.session.execute(statement, values)))

    def all(self, statements: Iterable[tuple[Any, tuple[object, ...] | None]]) -> list[list[Any]]:
        """Many at once, the rows of each; only of what does no harm when it is done twice."""
        asked = list(statements)
        return self.again(
            lambda: [list(each.result_or_exc) for each in execute_concurrent(self.session, asked, _CONCURRENT, raise_on_first_error=True)]
        )

    def again(self, call: Callable[[], Result]) -> Result:
        """Until the time for one answer is over, and at least twice, so that after one slow answer another node is asked.

        No node is connected just after a restart, and a serial read gives way to others' writes to its partition: both pass.
        """
        end = time.monotonic() + self._request_s
        failures = 0
        while True:
            self._refuse_if_closed()
            try:
                return call()
            except FAILURES as error:
                failures += 1
                if refused(error) or (failures > 1 and time.monotonic() > end):
                    give_up(self.where, error, StoreError)
                self._closed.wait(_PAUSE_S)

    def _refuse_if_closed(self) -> None:
        if self._closed.is_set():
            raise StoreError(f"{self.where}: the store is closed in this process; open it again")


def batch(statement: Any, rows: Iterable[tuple[object, ...]]) -> BatchStatement:
    """Rows of one partition by the same prepared statement: one write, whole."""
    together = BatchStatement(BatchType.UNLOGGED, consistency_level=statement.consistency_level)
    for row in rows:
        together.add(statement, row)
    return together


def agreed(call: Callable[[], Any]) -> Any:
    """Call again while the node that is asked has not heard yet of what another one made a moment ago."""
    end = time.monotonic() + AGREEMENT_S
    while True:
        try:
            return call()
        except InvalidRequest as error:
            if time.monotonic() > end or not re.search("unconfigured table|does not exist|doesn't exist", str(error)):
                raise
            time.sleep(_PAUSE_S)
