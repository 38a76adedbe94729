"""Time that tests can move."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic time for waits and deadlines, wall time for people."""

    def monotonic_ns(self) -> int: ...
    def wall_ms(self) -> int: ...
    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for the event, at most so long; True when it is set."""
        ...


class SystemClock:
    """The machine's clock."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


SYSTEM = SystemClock()
