"""Asks every server how it is: which head it serves, and, of one that is left alone, whether it is back."""

from __future__ import annotations

import threading

from instream.errors import Closed, InstreamError
from instream.flow.clock import SYSTEM, Clock
from instream.observe import logs
from instream.signature import schema_of
from instream.strategies.remote.balance import Balance
from instream.strategies.remote.endpoint import Endpoint
from instream.wire.about import About

_TIMEOUT_S = 2.0

_log = logs.get("remote")


class Watch:
    """A thread; `start` after `first` has succeeded."""

    def __init__(self, balance: Balance, model: str, *, every_s: float, closed: threading.Event, clock: Clock = SYSTEM) -> None:
        self._balance = balance
        self._model = model
        self._every_s = every_s
        self._closed = closed
        self._clock = clock
        self._expected: About | None = None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def first(self) -> About:
        """What a server says; the first that answers decides what the pipeline reads and gives.

        Raises:
            Unavailable, WrongAnswer, NotFound: what the last endpoint said, when none is ready.
        """
        last: InstreamError | None = None
        for endpoint in self._balance.endpoints:
            try:
                said = endpoint.transport.about(self._model, _TIMEOUT_S)
            except InstreamError as error:
                last = error
                continue
            self._expected = self._expected or said
            self._heard(endpoint, said)
        if self._expected is None:
            assert last is not None
            raise last
        return self._expected

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """After `closed` was set."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._clock.wait(self._closed, self._every_s):
            for endpoint in self._balance.endpoints:
                self._ask(endpoint)

    def _ask(self, endpoint: Endpoint) -> None:
        with self._balance.guard():
            if endpoint.breaker.open and not endpoint.breaker.probe_due():
                return
        try:
            said = endpoint.transport.about(self._model, _TIMEOUT_S)
        except Closed:
            return
        except InstreamError as error:
            with self._balance.guard():
                before = endpoint.reason
                endpoint.breaker.failed(str(error))
            if not before and endpoint.reason:
                _log.warning("server left alone", endpoint=endpoint.url, why=str(error))
        else:
            self._heard(endpoint, said)

    def _heard(self, endpoint: Endpoint, said: About) -> None:
        assert self._expected is not None
        with self._balance.guard():
            before = endpoint.reason
            endpoint.about = said
            endpoint.unfit = _difference(said, self._expected)
            endpoint.breaker.probed()
            now = endpoint.reason
        if before and not now:
            _log.info("server says that it is back", endpoint=endpoint.url)
        elif now and now != before:
            _log.warning("server gets no rows", endpoint=endpoint.url, why=now)
        self._balance.changed()


def _difference(said: About, expected: About) -> str:
    """Why a server's model will not do for this pipeline; empty when it will."""
    for what, here, wanted in (("reads", said.requires, expected.requires), ("gives", said.produces, expected.produces)):
        if not schema_of(here).equals(schema_of(wanted)):
            return (
                f"its model {what} {', '.join(f'{field.name} {field.type}' for field in here)}, and this pipeline began with "
                f"{', '.join(f'{field.name} {field.type}' for field in wanted)}: start the pipeline again to go on with the new one"
            )
    return ""
