"""Which server gets the next call: the one with the fewest in flight among those that are well and have room."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from random import Random

from instream.errors import Closed, DeadlineExceeded, InstreamError, Overloaded, Unavailable
from instream.flow.budget import RetryBudget
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline
from instream.strategies.remote.endpoint import Endpoint

_TURN_S = 0.05


class Balance:
    """Thread-safe. Blocking in `acquire` is the backpressure."""

    def __init__(self, endpoints: Sequence[Endpoint], patience_s: float, clock: Clock = SYSTEM, random: Random | None = None) -> None:
        """`patience_s`: how long to wait for room while no server answers anything."""
        self.endpoints = tuple(endpoints)
        self._patience_ns = int(patience_s * 1e9)
        self._clock = clock
        self._random = random or Random()
        self._changed = threading.Condition()
        self._closed = False
        self._budget = RetryBudget(clock)
        self._turn = 0
        self._answered_ns = 0

    def acquire(self, since_ns: int, until: Deadline | None, *, retry_of: Endpoint | None = None) -> Endpoint:
        """An endpoint with room for a call; `release` gives it back.

        Args:
            since_ns: when the caller began to wait, monotonic. Patience counts from then, or from the last answer to anybody:
                where servers answer, slow as they may be, there will be room.
            until: when a call is of no use any more; None for never.
            retry_of: the call is a retry, and this endpoint failed: another one is taken where there is one.
        Raises:
            Unavailable: none had room in time, or retries are spent; says why each has none.
            Closed
        """
        with self._changed:
            if retry_of is None:
                self._budget.called()
            elif self._left_s(since_ns, until) <= 0:
                raise Unavailable(self._reasons() or f"{retry_of.url} did not answer", 0.0)
            elif not self._budget.take():
                raise Unavailable(f"{self._reasons() or retry_of.url}; enough was retried for now", 0.5)
            while True:
                if self._closed:
                    raise Closed("the predictor was closed")
                found = self._best(retry_of)
                if found is not None:
                    found.in_flight += 1
                    return found
                left_s = self._left_s(since_ns, until)
                if left_s <= 0 or not self._hope(left_s):
                    raise Unavailable(self._reasons() or "every server has as many calls as it takes", self._hint_s())
                self._changed.wait(min(left_s, _TURN_S))

    def release(self, endpoint: Endpoint, error: InstreamError | None) -> None:
        """A call ended: what it tells of its endpoint."""
        with self._changed:
            if error is None:
                self._answered_ns = self._clock.monotonic_ns()
                endpoint.breaker.succeeded()
                endpoint.limit.went_well(endpoint.in_flight)
            elif isinstance(error, Overloaded):
                endpoint.breaker.succeeded()  # it answers
                endpoint.limit.went_badly()
                endpoint.not_before_ns = self._clock.monotonic_ns() + int(error.retry_after_s * self._random.uniform(1.0, 1.5) * 1e9)
            elif not isinstance(error, Closed):
                if isinstance(error, DeadlineExceeded):
                    endpoint.limit.went_badly()
                endpoint.breaker.failed(str(error))
            endpoint.in_flight -= 1
            self._changed.notify_all()

    def changed(self) -> None:
        """Something is known of an endpoint that was not known before."""
        with self._changed:
            self._changed.notify_all()

    def guard(self) -> threading.Condition:
        """To hold while an endpoint is looked at or changed."""
        return self._changed

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def reasons(self) -> str:
        with self._changed:
            return self._reasons()

    def _best(self, but: Endpoint | None) -> Endpoint | None:
        now_ns = self._clock.monotonic_ns()
        well = [each for each in self.endpoints if not each.reason and each.room and now_ns >= each.not_before_ns]
        others = [each for each in well if each is not but] or well
        if not others:
            return None
        self._turn += 1  # among equals in turn, so that an idle pipeline uses them all
        start = self._turn % len(others)
        return min(others[start:] + others[:start], key=lambda each: each.in_flight)

    def _left_s(self, since_ns: int, until: Deadline | None) -> float:
        """How long a caller may still wait."""
        patient_s = (max(since_ns, self._answered_ns) + self._patience_ns - self._clock.monotonic_ns()) / 1e9
        return patient_s if until is None else min(patient_s, until.left_s(self._clock))

    def _hope(self, left_s: float) -> bool:
        """Whether waiting may help: an endpoint that is well, and is full or wants a pause that ends in time."""
        end_ns = self._clock.monotonic_ns() + int(left_s * 1e9)
        return any(not each.reason and each.not_before_ns < end_ns for each in self.endpoints)

    def _hint_s(self) -> float:
        """When to come again."""
        now_ns = self._clock.monotonic_ns()
        waits = [
            each.breaker.left_s() if each.breaker.open else max(0.0, (each.not_before_ns - now_ns) / 1e9)
            for each in self.endpoints
            if not each.unfit
        ]
        return min(max(min(waits, default=1.0), 0.05), 1.0)

    def _reasons(self) -> str:
        return "; ".join(each.reason for each in self.endpoints if each.reason)
