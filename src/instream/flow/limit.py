"""How many calls an endpoint gets at once: found by trying, since nobody knows beforehand."""

from __future__ import annotations

_BACK = 0.7


class AdaptiveLimit:
    """Additive increase while the limit is used and calls go well, multiplicative decrease when one is refused or late.

    Source: D.-M. Chiu, R. Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer
    Networks", 1989; for calls instead of packets as Netflix's concurrency-limits, `AIMDLimit`. Not thread-safe.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(min(most, 2))

    @property
    def now(self) -> int:
        """Calls that may be in flight; at least one."""
        return int(self._limit)

    def went_well(self, in_flight: int) -> None:
        """A call was answered in time, while so many were in flight."""
        if in_flight >= self.now:
            self._limit = min(self._most, self._limit + 1 / self.now)

    def went_badly(self) -> None:
        """A call was refused for load, or came too late."""
        self._limit = max(1.0, self._limit * _BACK)
