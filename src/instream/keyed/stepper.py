"""Parameters that move on when somebody says so, for engines that score a batch again after a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline
from instream.keyed.asof import AsOf
from instream.keyed.cache import Cache
from instream.keyed.keeper import Keeper


class Stepper(Keeper):
    """A keeper that goes from one revision to another, and stands still between them."""

    def __init__(self, cache: Cache, source: AsOf, label: str = "", clock: Clock = SYSTEM) -> None:
        super().__init__(cache, source, label, clock)
        self._moments = source
        self._standing = threading.Lock()
        self._asked = self._seen = self._reached = 0

    @contextmanager
    def at(self, revision: int, deadline: Deadline | None) -> Iterator[None]:
        """While the block lasts, every key has the parameters that were in force at a revision, µs of the store's clock.

        What was written up to then must be in the store's feed by now. Going back is possible, and reads all keys again.

        Raises:
            Unavailable: the store did not answer, or not before the deadline.
            Closed: while waiting.
        """
        with self._standing:
            with self._state:
                self._asked = revision
                self._state.notify_all()
                self._wait(lambda: self._reached == revision, self._turns, self._end(deadline))
            yield

    def _idle(self) -> bool:
        return super()._idle() and self._seen == self._asked

    def _look(self) -> None:
        asked = self._asked
        if self._seen == asked:
            return
        if asked < self._moments.revision:
            self._cache.slots.clear()
        self._moments.revision = asked
        self._looked_ns = self._clock.monotonic_ns() - max(0, self._moments.now_us() - asked) * 1_000
        if not self._take().more:
            self._seen = asked

    def _settled(self) -> None:
        super()._settled()
        self._reached = self._seen
