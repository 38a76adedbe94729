"""Leave alone what does not answer, and ask now and then whether it is back."""

from __future__ import annotations

from random import Random

from instream.flow.backoff import backoff
from instream.flow.clock import SYSTEM, Clock

_FAILURES = 3  # in a row
_FIRST_S, _LONGEST_S = 0.5, 5.0


class Breaker:
    """Closed, open, half-open. Not thread-safe.

    Source: M. Nygard, "Release It!", 2007, "Circuit Breaker".
    """

    def __init__(self, clock: Clock = SYSTEM, random: Random | None = None) -> None:
        self._clock = clock
        self._random = random or Random()
        self._failures = 0
        self._waits = backoff(_FIRST_S, _LONGEST_S, self._random)
        self._probe_ns = 0
        self.reason = ""
        """What the last failure was; empty while closed."""

    @property
    def open(self) -> bool:
        """No calls; only probes."""
        return self._failures >= _FAILURES

    def probe_due(self) -> bool:
        """Whether one call may try now, to see whether it is back (half-open)."""
        return self.open and self._clock.monotonic_ns() >= self._probe_ns

    def probing(self) -> None:
        """The one call is on its way: no other before this one has failed and its wait is over."""
        self._probe_ns = self._clock.monotonic_ns() + int(_LONGEST_S * 1e9)

    def succeeded(self) -> None:
        """It answered."""
        if self._failures:
            self._failures = 0
            self._waits = backoff(_FIRST_S, _LONGEST_S, self._random)
            self.reason = ""

    def failed(self, reason: str) -> None:
        """It did not answer, or not as it should."""
        self._failures += 1
        self.reason = reason
        self._probe_ns = self._clock.monotonic_ns() + int(next(self._waits) * 1e9)

    def left_s(self) -> float:
        """Until the next probe is due."""
        return max(0.0, (self._probe_ns - self._clock.monotonic_ns()) / 1e9)
