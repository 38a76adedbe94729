"""A point in time after which an answer is of no use. It travels with the call."""

from __future__ import annotations

from dataclasses import dataclass

from instream.flow.clock import SYSTEM, Clock


@dataclass(frozen=True, slots=True)
class Deadline:
    """`at_ns` is on the monotonic clock, never wall time."""

    at_ns: int

    def left_s(self, clock: Clock = SYSTEM) -> float:
        """Seconds left; negative once it is past."""
        return (self.at_ns - clock.monotonic_ns()) / 1e9

    def expired(self, clock: Clock = SYSTEM) -> bool:
        return clock.monotonic_ns() >= self.at_ns


def deadline_in(seconds: float, clock: Clock = SYSTEM) -> Deadline:
    """A deadline so many seconds from now."""
    return Deadline(clock.monotonic_ns() + int(seconds * 1e9))
