"""The same pipeline with its model in the worker, and in a server on the same machine."""

from __future__ import annotations

from dataclasses import asdict

from benchmarks import report, workload
from benchmarks.contestants.remote import EMBEDDED, REMOTE_GRPC, REMOTE_HTTP
from benchmarks.goals import STRATEGIES, compared
from benchmarks.stage import CONSOLE, stage
from benchmarks.throughput import one_round, turned

_ALL = (EMBEDDED, REMOTE_GRPC, REMOTE_HTTP)


def strategies(rounds: int, records: int, seconds_max: float) -> None:
    """Drain the topic of W2 in interleaved rounds; print rates, CPU and ratios, write the JSON file."""
    with stage() as on:
        source = on.fill("w2", records, workload.records(records))
        found = [one_round(on, source, turned(_ALL, number), records, seconds_max, number, rounds) for number in range(rounds)]
    by_rate = compared([{each.contestant: each.rate for each in of_round} for of_round in found], STRATEGIES)
    by_cpu = compared([{each.contestant: 1e6 / each.cpu_us for each in of_round} for of_round in found], STRATEGIES)
    CONSOLE.print(report.rate_table(_ALL, found))
    CONSOLE.print(report.ratio_table(by_rate))
    CONSOLE.print(report.ratio_table(by_cpu, "Ratios of records a CPU second within a round; worker and server together"))
    report.write(
        "strategies",
        {
            "rounds": [[asdict(each) for each in of_round] for of_round in found],
            "ratios": {"rate": [asdict(each) for each in by_rate], "cpu": [asdict(each) for each in by_cpu]},
        },
    )
