"""Hold the source back when polling would be late, so that a worker with slow batches stays in its group."""

from __future__ import annotations

from instream.connectors.protocol import Source
from instream.flow.clock import Clock


class Holding:
    """Held once, after `after_s` without room for a poll; never for less: holding throws prefetched records away."""

    def __init__(self, source: Source, *, after_s: float, clock: Clock) -> None:
        self._source = source
        self._after_s = after_s
        self._clock = clock
        self._polled_ns = clock.monotonic_ns()
        self.held = False

    def polled(self) -> None:
        self._polled_ns = self._clock.monotonic_ns()

    def left_s(self) -> float:
        """How long the loop may still wait for something else than the source."""
        return self._after_s - (self._clock.monotonic_ns() - self._polled_ns) / 1e9

    def hold(self) -> None:
        """Fetch nothing, and serve the group by polls that give None."""
        if not self.held:
            self._source.hold()
            self.held = True

    def release(self) -> None:
        if self.held:
            self._source.release()
            self.held = False
