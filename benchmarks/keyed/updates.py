"""What a thousand new parameters a second cost a process that scores: its CPU time a record, with them and without."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.drain import Failed, stop
from benchmarks.keyed.banks import Bank, linear
from benchmarks.keyed.batches import batches
from benchmarks.keyed.freshness import Scoring, followed
from benchmarks.keyed.packages import package
from benchmarks.keyed.verdicts import Verdict, at_most, table, told
from benchmarks.stage import CONSOLE

RATE = 1_000
_MOST = 1.2


@dataclass(frozen=True)
class Updated:
    """One round.

    Attributes:
        without, during: CPU µs of the scoring process a record.
        written: updates a second.
        an_update: CPU µs of the scoring process, as far as it used more than its records alone would.
        core: CPU seconds that it had a second, while there were updates; with less of a core an update weighs more.
    """

    without: float
    during: float
    written: float
    an_update: float
    core: float


def updates(where: Mapping[str, str], folder: Path, rounds: int, seconds: float, keys: int) -> dict[str, Any]:
    """In interleaved rounds; not for memory, which another process cannot write to."""
    bank = linear(keys)
    measured: dict[str, list[Updated]] = {}
    for kind, url in where.items():
        if kind != "memory":
            with (
                CONSOLE.status(f"updates: {kind}"),
                followed(bank, url, folder) as model,
                Scoring(model, batches(bank, "uniform", 40)) as on,
            ):
                measured[kind] = [_round(on, bank, url, folder, seconds) for _ in range(rounds)]
    verdicts: list[Verdict] = []
    for kind, found in measured.items():
        verdicts += [
            told(f"{kind}: CPU µs a record without", [each.without for each in found]),
            told(f"{kind}: CPU µs a record with {RATE:,} updates/s", [each.during for each in found]),
            at_most(f"{kind}: with : without", [each.during / each.without for each in found], _MOST),
            told(f"{kind}: CPU µs an update", [each.an_update for each in found], ",.0f"),
            told(f"{kind}: updates that were written, a second", [each.written for each in found], ",.0f"),
            told(f"{kind}: CPU that the process had, of a core", [each.core for each in found]),
        ]
    CONSOLE.print(table(f"Updates at full load: {keys:,} keys, {rounds} rounds of {seconds:g} s each way", verdicts))
    return {"rounds": measured, "verdicts": verdicts}


def _round(on: Scoring, bank: Bank, url: str, folder: Path, seconds: float) -> Updated:
    rows, used = _passed(on, seconds)
    without = used / rows
    with _writer(bank, url, folder) as process:
        time.sleep(0.5)
        rows, used = _passed(on, seconds)
        process.terminate()
        written = float(process.communicate(timeout=60)[0])
    return Updated(1e6 * without, 1e6 * used / rows, written, 1e6 * (used - without * rows) / (written * seconds), used / seconds)


def _passed(on: Scoring, seconds: float) -> tuple[int, float]:
    """Records and CPU seconds of this process in a while."""
    rows, used = on.rows, time.process_time()
    time.sleep(seconds)
    return on.rows - rows, time.process_time() - used


@contextmanager
def _writer(bank: Bank, url: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    digest = package(bank, folder / "fresh", "fresh").manifest.digest
    command = [sys.executable, "-m", "benchmarks.keyed.writing", url, str(folder), digest, str(bank.count), str(RATE)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise Failed("the process that writes parameters did not begin")
        yield process
    finally:
        stop(process)  # type: ignore[arg-type]
