"""Hears of writes in PostgreSQL before a poll would. What is heard is a hint; the rows are the truth, and are asked in any case."""

from __future__ import annotations

import contextlib
import socket
import threading
from random import Random

from instream.flow.backoff import backoff
from instream.stores.postgresql_link import Link, Lost, NoLink, Refused, Settings

_AGAIN_S = 0.05
_AGAIN_S_MAX = 10.0

TELL = "SELECT pg_notify($1, '')"
"""$1 channel. By itself and after the commit: PostgreSQL lets transactions that tell something commit one at a time."""


class Listener:
    """One more connection and a thread, both made when somebody first asks what was heard: who only writes has neither."""

    def __init__(self, settings: Settings, channel: str) -> None:
        self._settings = settings
        self._channel = channel
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._bell: socket.socket | None = None
        self._last: object | None = None

    def last(self) -> object | None:
        """What was heard last: another object than before when there may have been a write. None while nobody listens."""
        if self._bell is None:
            self._start()
        return self._last

    @property
    def listening(self) -> bool:
        return self._last is not None

    def close(self) -> None:
        with self._lock:
            self._closed.set()
            if self._bell is not None:
                self._bell.close()

    def _start(self) -> None:
        with self._lock:
            if self._bell is None and not self._closed.is_set():
                self._bell, rung = socket.socketpair()
                threading.Thread(target=self._run, args=(rung,), name="postgresql-listener", daemon=True).start()

    def _run(self, rung: socket.socket) -> None:
        """Listen again after each fault; until then whoever follows polls."""
        waits = backoff(_AGAIN_S, _AGAIN_S_MAX, Random())
        with rung:
            while not self._closed.is_set():
                with contextlib.suppress(NoLink, Lost, Refused), contextlib.closing(Link(self._settings)) as link:
                    link.ask(f'LISTEN "{self._channel}"')
                    waits = backoff(_AGAIN_S, _AGAIN_S_MAX, Random())
                    self._listen(link, rung)
                self._closed.wait(next(waits))

    def _listen(self, link: Link, rung: socket.socket) -> None:
        try:
            while not self._closed.is_set():
                self._last = object()  # also at first: what was written before is for a look that begins after this
                link.listen(rung)
        finally:
            self._last = None
