"""The model server against bare handlers on the same libraries, and against what people use instead."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path

from benchmarks import report
from benchmarks.goals import SERVE, compared
from benchmarks.servers import ALL
from benchmarks.serving import tables
from benchmarks.serving.cases import CASES, Case
from benchmarks.serving.load import Loaded, load, wrk
from benchmarks.serving.memory import Burst, burst, bursts, name_of
from benchmarks.serving.mlp import write_mlp
from benchmarks.serving.started import started
from benchmarks.stage import CONSOLE
from benchmarks.throughput import turned

_numbers = count(1)


def serve(rounds: int, seconds: int) -> None:
    """Every case in interleaved rounds, then the bursts; print tables and ratios, write the JSON file."""
    wrk()
    for each in ALL:
        with CONSOLE.status(f"preparing {each.name}"):
            each.prepare()
    with tempfile.TemporaryDirectory(prefix="instream-bench-") as name:
        folder = Path(name)
        model = write_mlp(folder)
        loads = [_loads(model, folder, number, rounds, seconds) for number in range(rounds)]
        floods = [_floods(model, folder, number, rounds) for number in range(rounds)]
    for case in CASES:
        CONSOLE.print(tables.loads(case, loads))
    CONSOLE.print(tables.bursts(floods))
    found = compared([{each.contestant: each.rate for each in of_round} for of_round in loads], SERVE)
    CONSOLE.print(report.ratio_table(found))
    report.write(
        "serve",
        {
            "rounds": [[asdict(each) for each in of_round] for of_round in loads],
            "bursts": [[asdict(each) for each in of_round] for of_round in floods],
            "ratios": [asdict(each) for each in found],
        },
    )


def _loads(model: Path, folder: Path, number: int, rounds: int, seconds: int) -> list[Loaded]:
    return [each for case in CASES for each in _case(case, model, folder, number, f"round {number + 1}/{rounds}", seconds)]


def _case(case: Case, model: Path, folder: Path, number: int, where: str, seconds: int) -> Sequence[Loaded]:
    """Each server in turn, freshly started and alone."""
    found = []
    for asked, server, question in turned(case.asked, number):
        name = f"{asked} {server.name}"
        with CONSOLE.status(f"{where}  {name}"), started(server, model, folder / str(next(_numbers))) as on:
            seen = load(name, on, question(), case.connections, seconds)
        CONSOLE.print(
            f"{where}  {name:<22} {seen.rate:>9,.0f} rows/s  p50 {seen.p50_ms:7.2f} ms  p99 {seen.p99_ms:7.2f} ms  "
            f"{seen.cpu_us:7.1f} µs CPU a request",
            soft_wrap=True,
        )
        found.append(seen)
    return found


def _floods(model: Path, folder: Path, number: int, rounds: int) -> list[Burst]:
    found = []
    for server, question in turned(bursts(), number):
        where = f"round {number + 1}/{rounds}  burst {name_of(server, question)}"
        with CONSOLE.status(where), started(server, model, folder / str(next(_numbers))) as on:
            seen = burst(on, question)
        CONSOLE.print(
            f"{where:<36} {seen.before_mb:5.0f} MB, at most {seen.peak_mb:5.0f}, then {seen.after_mb:5.0f}; {seen.answered} answered, "
            f"{seen.refused} refused, {seen.failed} failed {seen.others or ''} in {seen.seconds:.1f} s",
            soft_wrap=True,
        )
        found.append(seen)
    return found
