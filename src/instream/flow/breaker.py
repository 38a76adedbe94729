"""Leave alone what does not answer, and try now and then whether it is back."""

from __future__ import annotations

from random import Random

from instream.flow.backoff import backoff
from instream.flow.clock import SYSTEM, Clock

_FAILURES = 3  # in a row
_FIRST_S, _LONGEST_S = 0.5, 5.0


class Breaker:
    """Closed: calls pass. Open: none do. Half-open: one does, and decides. Not thread-safe.

    Source: M. Nygard, "Release It!", 2007, "Circuit Breaker".
    """

    def __init__(self, clock: Clock = SYSTEM, random: Random | None = None) -> None:
        self._clock = clock
        self._random = random or Random()
        self._failures = 0
        self._waits = backoff(_FIRST_S, _LONGEST_S, self._random)
        self._probe_ns = 0
        self.half_open = False
        """One call may pass."""
        self.reason = ""
        """What the last failure was; empty while closed."""

    @property
    def open(self) -> bool:
        """No calls."""
        return self._failures >= _FAILURES and not self.half_open

    def probe_due(self) -> bool:
        """Whether it is time to see if it is back."""
        return self.open and self._clock.monotonic_ns() >= self._probe_ns

    def probed(self) -> None:
        """It said that it is well: one call may try."""
        self.half_open = self.half_open or self.probe_due()

    def succeeded(self) -> None:
        """A call was answered."""
        if self._failures:
            self._failures = 0
            self._waits = backoff(_FIRST_S, _LONGEST_S, self._random)
            self.half_open, self.reason = False, ""

    def failed(self, reason: str) -> None:
        """A call, or a question how it is, was not answered as it should be."""
        self._failures += 1
        self.half_open, self.reason = False, reason
        self._probe_ns = self._clock.monotonic_ns() + int((0.1 + next(self._waits)) * 1e9)

    def left_s(self) -> float:
        """Until the next probe is due."""
        return max(0.0, (self._probe_ns - self._clock.monotonic_ns()) / 1e9)
