"""From Kafka to Kafka: a linear model for each of many keys, against one for all records in the same worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.contestants.ours import command
from benchmarks.contestants.protocol import Contestant, Job
from benchmarks.goals import Goal, compared
from benchmarks.keyed import records
from benchmarks.keyed.packages import package
from benchmarks.keyed.places import opened
from benchmarks.model import NAME
from benchmarks.stage import CONSOLE, stage
from benchmarks.throughput import one_round, turned
from instream.publishing import publish

_GOAL = Goal("database", "embedded", 0.7)


def _store(folder: Path, kind: str) -> str:
    return f"sqlite:///{folder / f'{kind}.db'}"


def _command(kind: str, job: Job) -> Sequence[str]:
    return command({"strategy": f'kind = "{kind}"'}, replace(job, store=_store(job.folder.parent, kind)))


_EMBEDDED = Contestant("embedded", "embedded: one linear model", partial(_command, "embedded"), records.check_one)
_DATABASE = Contestant("database", "database: a linear model for each key", partial(_command, "database"), records.check_keyed)
_ALL = (_EMBEDDED, _DATABASE)


def pipeline(rounds: int, count: int, seconds_max: float) -> dict[str, Any]:
    """Drain one topic in interleaved rounds; print rates, CPU and ratios."""
    with stage() as on:
        _publish(on.folder)
        source = on.fill("w2-keyed", count, records.records(count))
        found = [one_round(on, source, turned(_ALL, number), count, seconds_max, number, rounds) for number in range(rounds)]
    by_rate = compared([{each.contestant: each.rate for each in of_round} for of_round in found], [_GOAL])
    by_cpu = compared([{each.contestant: 1e6 / each.cpu_us for each in of_round} for of_round in found], [_GOAL])
    CONSOLE.print(report.rate_table(_ALL, found))
    CONSOLE.print(report.ratio_table(by_rate))
    CONSOLE.print(report.ratio_table(by_cpu, "Ratios of records a CPU second within a round"))
    return {
        "rounds": [[asdict(each) for each in of_round] for of_round in found],
        "ratios": {"rate": [asdict(each) for each in by_rate], "cpu": [asdict(each) for each in by_cpu]},
    }


def _publish(folder: Path) -> None:
    """Each in a store of its own, under the name that pipeline files of the benchmark have."""
    publish(records.one(), name=NAME, sample=records.sample(), store=_store(folder, "embedded"))
    bank = records.bank()
    store = opened(_store(folder, "database"), folder)
    made = package(bank, folder / "keyed", NAME)
    store.parameters_of(made.manifest.digest).write(bank.payloads())
    store.put(made)
    store.close()
