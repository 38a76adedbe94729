"""Pipelines on Flink and Spark against what can be written there by hand, and against our own workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from benchmarks import report, workload
from benchmarks.contestants import Contestant
from benchmarks.goals import ENGINES, ENGINES_BY_CPU, compared
from benchmarks.stage import CONSOLE, stage
from benchmarks.throughput import one_round, turned


def engines(contestants: Sequence[Contestant], rounds: int, records: int, seconds_max: float) -> None:
    """Run, print the tables, write the JSON file."""
    for each in contestants:
        with CONSOLE.status(f"preparing {each.name}"):
            each.prepare()
    with stage() as on:
        on.broker.create_topic("dead")
        source = on.fill("w2", records, workload.records(records))
        results = [one_round(on, source, turned(contestants, number), records, seconds_max, number, rounds) for number in range(rounds)]
    rates = compared([{each.contestant: each.rate for each in of_round} for of_round in results], ENGINES)
    by_cpu = compared([{each.contestant: 1 / each.cpu_us for each in of_round} for of_round in results], ENGINES_BY_CPU)
    CONSOLE.print(report.rate_table(contestants, results))
    CONSOLE.print(report.ratio_table(rates))
    CONSOLE.print(report.ratio_table(by_cpu, "Ratios of records a CPU second"))
    report.write(
        "engines",
        {
            "rounds": [[asdict(each) for each in of_round] for of_round in results],
            "ratios": [asdict(each) for each in (*rates, *by_cpu)],
        },
    )
