"""What a row costs, learned from the batches that were scored."""

from __future__ import annotations

_FORGET = 0.8  # of what was seen, with each batch: ten batches are remembered


class Cost:
    """Seconds a row, weighted by rows, since small batches cost more a row and tell less about a backlog."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._rows = 0.0

    def add(self, rows: int, seconds: float) -> None:
        self._seconds = self._seconds * _FORGET + seconds
        self._rows = self._rows * _FORGET + rows

    def of(self, rows: int) -> float:
        """Seconds for so many rows; 0 before anything was scored."""
        return rows * self._seconds / self._rows if self._rows else 0.0
