"""All questions about keyed models, one after the other."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import report
from benchmarks.keyed.cold import cold
from benchmarks.keyed.freshness import freshness
from benchmarks.keyed.memory import memory
from benchmarks.keyed.pipeline import pipeline
from benchmarks.keyed.places import places
from benchmarks.keyed.scoring import scoring
from benchmarks.keyed.updates import updates

PARTS = ("scoring", "memory", "cold", "fresh", "updates", "kafka")
_IN_STORES = {"cold", "fresh", "updates"}


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        keys: in memory, of those that look at a process; `stored`: in each kind of store.
        seconds: of updates, each way, and at most of a run from Kafka to Kafka.
    """

    rounds: int
    keys: int
    stored: int
    puts: int
    seconds: float
    records: int


FULL = Sizes(rounds=7, keys=100_000, stored=10_000, puts=200, seconds=20, records=9_000_000)
QUICK = Sizes(rounds=2, keys=10_000, stored=1_000, puts=20, seconds=3, records=500_000)


def keyed(parts: Sequence[str], servers: bool, quick: bool) -> None:
    """Print a table for each question; write the JSON file."""
    sizes = QUICK if quick else FULL
    few = min(sizes.rounds, 3)  # of what takes long
    with tempfile.TemporaryDirectory(prefix="instream-bench-") as name:
        folder = Path(name)
        with places(folder, servers and not _IN_STORES.isdisjoint(parts)) as where:
            measures: Mapping[str, Callable[[], Any]] = {
                "scoring": partial(scoring, sizes.rounds, sizes.keys),
                "memory": partial(memory, few, sizes.keys),
                "cold": partial(cold, where, folder, few, sizes.stored),
                "fresh": partial(freshness, where, folder, sizes.puts, sizes.stored),
                "updates": partial(updates, where, folder, few, sizes.seconds / 2, sizes.stored),
            }
            found = {part: measures[part]() for part in parts if part in measures}
    if "kafka" in parts:  # after the stores' servers have ended
        found["kafka"] = pipeline(few, sizes.records, sizes.seconds)
    report.write("keyed", msgspec.to_builtins(found))
