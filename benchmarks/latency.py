"""End-to-end latency at a fixed rate: from just before a record is written to when a reader has its output.

One clock: writer, contestant and reader are on this machine, and a record's id is the time in µs when it was made.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, TopicPartition
from rich.table import Table

from benchmarks import report, workload
from benchmarks.contestants import Contestant, Job
from benchmarks.contestants.copying import COPY
from benchmarks.contestants.ours import ONE
from benchmarks.drain import Failed, stop
from benchmarks.goals import spread
from benchmarks.stage import CONSOLE, Stage, progress, stage
from benchmarks.topics import PARTITIONS, output_topic

_WARM_S = 5
_START_S_MAX = 60
_ALLOWED_MS = 2.0

Milliseconds = npt.NDArray[np.float64]


def latency(rounds: int, seconds: int, rate: int) -> None:
    """Measure instream and the copy loop in turns; print p50 and p99, write the JSON file."""
    found: dict[str, list[tuple[float, float]]] = {ONE.name: [], COPY.name: []}
    with stage() as on:
        for number in range(rounds):
            for each in (ONE, COPY) if number % 2 == 0 else (COPY, ONE):
                with progress(f"round {number + 1}/{rounds}  {each.name}", seconds) as more:
                    waits = _measure(on, each, seconds, rate, more)
                p50, p99 = np.percentile(waits, (50, 99)).tolist()
                found[each.name].append((p50, p99))
                CONSOLE.print(f"round {number + 1}/{rounds}  {each.name:<10} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  {len(waits):,} records")
    _show(found, rate)
    report.write("latency", {"records_per_second": rate, "p50_p99_ms": found})


def _measure(on: Stage, contestant: Contestant, seconds: int, rate: int, more: Callable[[int], None]) -> Milliseconds:
    """Latency of each record of `seconds`, after the warm-up; ms."""
    with ExitStack() as ends:
        source = ends.enter_context(output_topic(on.broker.bootstrap, f"paced-{contestant.name}-{time.time_ns()}"))
        job = on.job(contestant.name, source)
        ends.enter_context(output_topic(job.bootstrap, job.sink))
        log = ends.enter_context((job.folder / "log").open("wb"))
        scoring = ends.enter_context(_running(contestant.command(job), log.fileno()))
        ends.enter_context(_running([sys.executable, "-m", "benchmarks.peers.pace", job.bootstrap, source, str(rate)], log.fileno()))
        return _read(job, scoring, contestant, seconds, more)


@contextmanager
def _running(command: Sequence[str], log: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        stop(process)


def _read(job: Job, scoring: subprocess.Popen[bytes], contestant: Contestant, seconds: int, more: Callable[[int], None]) -> Milliseconds:
    consumer = Consumer(
        {"bootstrap.servers": job.bootstrap, "group.id": "latency", "enable.auto.commit": False, "fetch.queue.backoff.ms": 1}
    )
    consumer.assign([TopicPartition(job.sink, number, 0) for number in range(PARTITIONS)])
    start, begin, told, waits = time.monotonic(), None, 0, []
    try:
        while begin is None or time.monotonic() < begin + seconds:
            messages = [each for each in consumer.consume(10_000, 0) or consumer.consume(1, 0.1) if not each.error()]
            now_us, now = time.time_ns() / 1000, time.monotonic()
            if messages and begin is None:
                contestant.check(messages[0].value())
                begin = now + _WARM_S
            if scoring.poll() is not None or (begin is None and now > start + _START_S_MAX):
                raise Failed(f"{contestant.name}: ended or wrote nothing:\n{(job.folder / 'log').read_text(errors='replace')[-3000:]}")
            if begin is not None and now >= begin:
                waits.append(now_us - np.array([int(each.value()[workload.ID]) for each in messages], np.float64))
                more(int(now - begin) - told)
                told = int(now - begin)
    finally:
        consumer.close()
    return np.concatenate(waits) / 1000


def _show(found: dict[str, list[tuple[float, float]]], rate: int) -> None:
    table = Table(title=f"End to end at {rate:,} records/s, at least once, ms (lowest to highest of the rounds)", title_justify="left")
    for column in ("", "p50", "p99"):
        table.add_column(column, justify="left" if not column else "right")
    for name, figures in found.items():
        table.add_row(name, *(report.text(spread(side), ".2f") for side in zip(*figures, strict=True)))
    CONSOLE.print(table)
    ours, allowed = (spread([p99 for _, p99 in found[name]]).median for name in (ONE.name, COPY.name))
    allowed = 2 * allowed + _ALLOWED_MS
    verdict = "[green]met[/]" if ours <= allowed else "[red]missed[/]"
    CONSOLE.print(f"p99 {ours:.2f} ms, goal ≤ {allowed:.2f} ms (twice the copy loop's and {_ALLOWED_MS:g} ms): {verdict}")
