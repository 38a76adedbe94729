"""How many rows one call may bring: found by trying, since a server's model may take its time for each."""

from __future__ import annotations

_QUICK = 0.25


class AdaptiveRows:
    """Halved when a call of so many came too late, doubled when one was answered in a quarter of its time. Not thread-safe."""

    def __init__(self) -> None:
        self._most: int | None = None

    def of(self, most: int) -> int:
        """Rows for one call, where somebody else takes `most`; at least one."""
        return most if self._most is None else min(most, self._most)

    def late(self, rows: int) -> None:
        """A call with so many rows was not answered in time."""
        half = max(1, rows // 2)
        self._most = half if self._most is None else min(self._most, half)

    def answered(self, rows: int, share: float) -> None:
        """A call with so many rows took this share of the time that it had."""
        if self._most is not None and rows >= self._most and share < _QUICK:
            self._most = 2 * rows
