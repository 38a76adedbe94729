"""One contestant drains one topic, watched from outside: how many outputs and how much CPU time, over time.

Start-up and warm-up are left out: the clock runs from the first look at which a tenth of the records is out.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants.protocol import Contestant, Job
from benchmarks.cpu import ProcessTree
from benchmarks.topics import Extent, first_values, output_topic

WARM = 0.1
"""Share of the records that is not timed."""

_LOOK_S = 0.05
_STALL_S = 60
_CHECKED = 1_000


@dataclass(frozen=True, slots=True)
class Drained:
    """What was seen of one run, after its warm-up."""

    contestant: str
    records: int
    seconds: float
    cpu_seconds: float
    first_output_s: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU µs a record, of the contestant's processes."""
        return 1e6 * self.cpu_seconds / self.records


class Failed(Exception):
    """A contestant ended or stood still; the end of its log is in the message."""


@dataclass(frozen=True, slots=True)
class _Look:
    at: float
    outputs: int
    cpu_seconds: float


def drain(contestant: Contestant, job: Job, records: int, seconds_max: float, progress: Callable[[int], None]) -> Drained:
    """Run a contestant until all records are out, or for `seconds_max` after its warm-up.

    Raises:
        Failed: it ended by itself with an error, or nothing came for 60 s.
        WrongAnswer: among its first 1,000 outputs.
    """
    log = job.folder / "log"
    with output_topic(job.bootstrap, job.sink), log.open("wb") as out:
        process = subprocess.Popen(contestant.command(job), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            drained = _watch(contestant.name, process, job, records, seconds_max, progress)
        finally:
            stop(process)
        for value in first_values(job.bootstrap, job.sink, _CHECKED):
            contestant.check(value or b"")
    return drained


def _watch(
    name: str, process: subprocess.Popen[bytes], job: Job, records: int, seconds_max: float, progress: Callable[[int], None]
) -> Drained:
    extent, tree = Extent(job.bootstrap, job.sink), ProcessTree(process.pid)
    start = last_move = time.monotonic()
    first = warm = None
    seen = 0
    while True:
        look = _Look(time.monotonic(), extent(), tree.seconds())
        if look.outputs > seen:
            progress(look.outputs - seen)
            seen, last_move = look.outputs, look.at
            first = first or look
        if warm is None and look.outputs >= WARM * records:
            warm = look
        if warm and (look.outputs >= records or look.at - warm.at >= seconds_max):
            break
        if process.poll() is not None or look.at - last_move > _STALL_S:
            raise Failed(f"{name}: {_state(process)} after {seen:,} of {records:,} records:\n{_tail(job.folder / 'log')}")
        time.sleep(_LOOK_S)
    assert first is not None
    return Drained(name, look.outputs - warm.outputs, look.at - warm.at, look.cpu_seconds - warm.cpu_seconds, first.at - start)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask, then insist."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _state(process: subprocess.Popen[bytes]) -> str:
    return "stood still" if process.poll() is None else f"ended with status {process.returncode}"


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])
