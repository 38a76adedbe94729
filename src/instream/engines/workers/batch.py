"""A batch on its way through a worker."""

from __future__ import annotations

from collections.abc import Iterable
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


def ranges_of(batches: Iterable[Batch]) -> dict[str, tuple[int, int]]:
    """Per "topic/partition", the first and the last offset among some batches."""
    found: dict[str, tuple[int, int]] = {}
    for batch in batches:
        records = batch.records
        for partition, end in records.positions.items():
            of_partition = records.partitions == partition.number
            first = int(records.offsets[of_partition.argmax()])
            where = f"{partition.topic}/{partition.number}"
            found[where] = (min(first, found.get(where, (first, 0))[0]), end - 1)
    return found
