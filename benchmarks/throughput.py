"""Everyone drains the same topic, in interleaved rounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from benchmarks import report, workload
from benchmarks.contestants import Contestant
from benchmarks.drain import Drained, drain
from benchmarks.stage import CONSOLE, Stage, progress, stage

T = TypeVar("T")

SECONDS_MAX = 20.0
"""A slow contestant is timed for so long, and not through the whole topic."""


def throughput(contestants: Sequence[Contestant], rounds: int, records: int, seconds_max: float = SECONDS_MAX) -> None:
    """Run, print the table, write the JSON file."""
    for each in contestants:
        with CONSOLE.status(f"preparing {each.name}"):
            each.prepare()
    with stage() as on:
        source = on.fill("w2", records, workload.records(records))
        results = [one_round(on, source, turned(contestants, number), records, seconds_max, number, rounds) for number in range(rounds)]
    report.throughput(contestants, results)


def turned(contestants: Sequence[T], number: int) -> Sequence[T]:
    """Each round begins with another contestant, so that no one always follows the same one."""
    first = number % len(contestants)
    return (*contestants[first:], *contestants[:first])


def one_round(
    on: Stage, source: str, contestants: Sequence[Contestant], records: int, seconds_max: float, number: int, rounds: int
) -> list[Drained]:
    """Everyone in this order."""
    found = []
    for each in contestants:
        with progress(f"round {number + 1}/{rounds}  {each.name}", records) as more:
            drained = drain(each, on.job(each.name, source), records, seconds_max, more)
        CONSOLE.print(
            f"round {number + 1}/{rounds}  {each.name:<14} {drained.rate:>10,.0f} records/s  {drained.cpu_us:6.2f} µs CPU a record"
        )
        found.append(drained)
    return found
