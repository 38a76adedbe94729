"""Where the µs of one worker go. The worker runs in this process, and the steps of its loop are timed from outside.

CPU is that of the thread that runs the step; what a step takes besides, it waited: for the interpreter's lock,
for the other core, or for the broker.
"""

from __future__ import annotations

import os
import pkgutil
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from rich.table import Table

from benchmarks import workload
from benchmarks.contestants.ours import write_pipeline
from benchmarks.stage import CONSOLE, Stage, stage
from benchmarks.topics import output_topic
from instream.cli.worker import build
from instream.deploy import Run
from instream.deploy.work import work_of
from instream.engines.workers.loop import Loop
from instream.process import blackbox
from instream.process.messages import Start
from instream.settings import load

STEPS: Sequence[tuple[str, str]] = (
    ("poll: fetched records", "instream.connectors.kafka.source.KafkaSource._take"),
    ("poll: columns", "instream.connectors.kafka.source.records_of"),
    ("decode", "instream.codecs.json_decode.JsonDecoder.decode"),
    ("predict", "instream.live.predictor.LivePredictor.predict"),
    ("encode", "instream.codecs.json_encode.JsonEncoder.encode"),
    ("process, in all", "instream.pipeline.pipeline.Pipeline.process"),
    ("write: into the queue", "instream.connectors.kafka.writing.Writer.write"),
    ("write: delivery reports", "instream.connectors.kafka.sink.KafkaSink._settle"),
    ("commit", "instream.connectors.kafka.source.KafkaSource.commit"),
    ("commit of a transaction", "instream.connectors.kafka.transactional.Transactions.commit"),
)
"""What is timed, by what it is called in the table. Steps may contain each other."""


@dataclass(slots=True)
class Spent:
    """By one step, over all calls."""

    calls: int = 0
    cpu_ns: int = 0
    wall_ns: int = 0


def profile(records: int, mode: str) -> None:
    """Drain a topic with one worker and print µs a record by step and by thread."""
    with stage() as on:
        source = on.fill("w2", records, workload.records(records))
        with CONSOLE.status(f"one worker drains {records:,} records"):
            spent, threads, wall_s, cpu_s = _run(on, source, mode)
    CONSOLE.print(_steps(spent, records))
    CONSOLE.print(_threads(threads, records))
    CONSOLE.print(
        f"in all {1e6 * wall_s / records:.2f} µs a record ({records / wall_s:,.0f} records/s), {1e6 * cpu_s / records:.2f} µs CPU"
    )


def _run(on: Stage, source: str, mode: str) -> tuple[dict[str, Spent], dict[str, float], float, float]:
    job = on.job("profile", source)
    noted = job.folder / "blackbox"
    blackbox.make(noted)
    settings = load(write_pipeline(job, {"delivery": f'mode = "{mode}"'}))
    work = msgspec.Raw(work_of(settings, Run(until="end")))
    with output_topic(job.bootstrap, job.sink), timed(STEPS) as spent, threads_at_end() as used:
        worker = build(Start(slot=0, blackbox=str(noted), work=work))
        before, wall, cpu = thread_seconds(), time.perf_counter(), _cpu_s()
        worker.run()
        wall, cpu = time.perf_counter() - wall, _cpu_s() - cpu
    return spent, {name: seconds - before.get(name, 0.0) for name, seconds in used.items()}, wall, cpu


@contextmanager
def timed(steps: Sequence[tuple[str, str]]) -> Iterator[dict[str, Spent]]:
    """Time every call of some functions, each named by its path."""
    spent = {label: Spent() for label, _ in steps}
    patches = [patch(path, _timing(_found(path), spent[label])) for label, path in steps]
    for each in patches:
        each.start()
    try:
        yield spent
    finally:
        for each in patches:
            each.stop()


def _found(path: str) -> Callable[..., Any]:
    """A function or method by its path, which ends in `module.function` or `module.Class.method`."""
    found: Callable[..., Any] = pkgutil.resolve_name(path)
    return found


def _timing(call: Callable[..., Any], spent: Spent) -> Callable[..., Any]:
    def timing(*args: Any, **kwargs: Any) -> Any:
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        try:
            return call(*args, **kwargs)
        finally:
            spent.calls += 1
            spent.cpu_ns += time.thread_time_ns() - cpu
            spent.wall_ns += time.perf_counter_ns() - wall

    return timing


@contextmanager
def threads_at_end() -> Iterator[dict[str, float]]:
    """What each thread has used when the loop is about to close its ends, and with them librdkafka's threads."""
    used: dict[str, float] = {}
    close = Loop.close

    def closing(loop: Loop) -> None:
        used.update(thread_seconds())
        close(loop)

    with patch.object(Loop, "close", closing):
        yield used


def thread_seconds() -> dict[str, float]:
    """CPU seconds of this process's threads, by name; those of one name together, but for the main thread."""
    used: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            stat = (task / "stat").read_text()
        except OSError:  # it ended
            continue
        name, _, rest = stat.partition("(")[2].rpartition(")")
        fields = rest.split()
        name = "main thread" if task.name == str(os.getpid()) else name
        used[name] = used.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _steps(spent: dict[str, Spent], records: int) -> Table:
    table = Table(title="By step", title_justify="left")
    for column in ("", "calls", "CPU µs/record", "µs/record"):
        table.add_column(column, justify="left" if not column else "right")
    for label, each in spent.items():
        if each.calls:
            table.add_row(label, f"{each.calls:,}", f"{each.cpu_ns / 1e3 / records:.3f}", f"{each.wall_ns / 1e3 / records:.3f}")
    return table


def _threads(used: dict[str, float], records: int) -> Table:
    table = Table(title="By thread", title_justify="left")
    for column in ("", "CPU µs/record"):
        table.add_column(column, justify="left" if not column else "right")
    for name, seconds in sorted(used.items(), key=lambda item: -item[1]):
        if seconds > 0:
            table.add_row(name, f"{1e6 * seconds / records:.3f}")
    return table
