"""Time that tests move."""

from __future__ import annotations

import threading

from instream.flow.clock import SYSTEM


class MovedClock:
    """Stands still until it is moved; whoever waits on it moves it, so that no test waits for real."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wall_ms = SYSTEM.wall_ms()  # as other processes see it, until it is moved
        self._ns = 0

    def monotonic_ns(self) -> int:
        return self._ns

    def wall_ms(self) -> int:
        return self._wall_ms + self._ns // 1_000_000

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.move(seconds)
        return event.wait(0.0005)  # other threads get on

    def move(self, seconds: float) -> None:
        with self._lock:
            self._ns += int(seconds * 1e9)
