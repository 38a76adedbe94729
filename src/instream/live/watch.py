"""The newest head, asked for every now and then; a store that is away changes nothing for what serves."""

from __future__ import annotations

import threading
from random import Random

from instream.errors import StoreError
from instream.flow.backoff import backoff
from instream.flow.clock import SYSTEM, Clock
from instream.head import Head
from instream.observe import logs
from instream.stores import Store

AWAY_S_MAX = 10.0

_log = logs.get("live")


class HeadWatch:
    """Follows one model. One thread calls `next`."""

    def __init__(self, store: Store, name: str, *, poll_s: float, closed: threading.Event, clock: Clock = SYSTEM) -> None:
        self._store = store
        self._name = name
        self._poll_s = poll_s
        self._closed = closed
        self._clock = clock
        self._random = Random()
        self._waits = backoff(poll_s, AWAY_S_MAX, self._random)
        self._cursor: str | None = None
        self._unread = False  # something moved, and the head was not read since
        self._away = False

    def begin(self) -> None:
        """Note where the store is, so that `next` gives only what comes later. Raises StoreError."""
        self._cursor = self._store.cursor((self._name,))

    def next(self) -> Head | None:
        """The newest head, each time that something about the model moved; None after `poll_s` or longer without."""
        try:
            head = self._newest_if_moved()
        except (StoreError, OSError) as error:
            self._wait_for_store(error)
            return None
        if self._away:
            self._away = False
            self._waits = backoff(self._poll_s, AWAY_S_MAX, self._random)
            _log.info("head can be fetched again", model=self._name)
        if head is None:
            self._clock.wait(self._closed, self._poll_s)
        return head

    def again(self, error: Exception) -> None:
        """The head could not be fetched: wait, and let `next` give the newest once more."""
        self._unread = True
        self._wait_for_store(error)

    def _newest_if_moved(self) -> Head | None:
        if self._cursor is None:
            self.begin()
            self._unread = True
        else:
            changes = self._store.changes(self._cursor, (self._name,))
            self._unread |= bool(changes.moved) or changes.reset
            self._cursor = changes.cursor
        if not self._unread:
            return None
        head = self._store.head(self._name)
        self._unread = False
        return head

    def _wait_for_store(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            _log.warning("head cannot be fetched, what serves goes on", model=self._name, error=f"{type(error).__name__}: {error}")
        self._clock.wait(self._closed, self._poll_s + next(self._waits))
