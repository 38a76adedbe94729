"""Retries are a share of the calls: when all calls fail, retrying them all doubles the load of whoever is down."""

from __future__ import annotations

from instream.flow.clock import SYSTEM, Clock

_SHARE = 0.2
_LEAST_A_SECOND = 2.0
_KEPT_MAX = 20.0


class RetryBudget:
    """Each call allows a fifth of a retry, and there are two a second at least. Not thread-safe.

    Source: Finagle, `RetryBudget` ("a fifth of requests, and a minimum a second").
    """

    def __init__(self, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._left = _LEAST_A_SECOND
        self._seen_ns = clock.monotonic_ns()

    def called(self) -> None:
        """A first attempt."""
        self._left = min(_KEPT_MAX, self._left + _SHARE)

    def take(self) -> bool:
        """Whether a retry is allowed; it is then taken."""
        now_ns = self._clock.monotonic_ns()
        self._left = min(_KEPT_MAX, self._left + (now_ns - self._seen_ns) / 1e9 * _LEAST_A_SECOND)
        self._seen_ns = now_ns
        if self._left < 1:
            return False
        self._left -= 1
        return True
