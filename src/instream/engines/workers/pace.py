"""How much a worker takes on at once, and for how long it may wait."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of one loop.

    Attributes:
        rows, nbytes: of one batch, at most.
        calls: batches being scored.
        hold_s: longest time without a poll before the source is held.
        grace_s: for finishing what is in flight once the loop is to end.
        limit: records to take before ending; None takes all.
    """

    rows: int
    nbytes: int
    calls: int
    hold_s: float
    grace_s: float
    limit: int | None = None
