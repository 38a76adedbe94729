"""A batch on its way through a worker."""

from __future__ import annotations

from dataclasses import dataclass

from instream.records import Outcome, Records


@dataclass(frozen=True, slots=True)
class Batch:
    """Polled and not yet scored.

    Attributes:
        polled_ns: monotonic clock.
        epoch: counts how often everything in flight was dropped; of an older epoch nothing is wanted any more.
    """

    records: Records
    polled_ns: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Scored:
    """Scored and not yet written; `letters` are the dead letters among its records, if there are any."""

    batch: Batch
    outcome: Outcome
    letters: tuple[Records, Outcome] | None
