"""How a pipeline is, while it runs: a few live lines on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from instream.process.messages import Report
from instream.process.status import State, Status

_LINE_EVERY_S = 5.0
_RATE_OVER_S = 3.0


class Screen(Protocol):
    """Where the status is shown; `stderr` is where workers write their logs, None for where this process does."""

    stderr: int | None

    def update(self, status: Status) -> None: ...
    def say(self, text: str) -> None: ...


@contextlib.contextmanager
def shown(console: Console, pipeline: str) -> Iterator[Screen]:
    """A screen for as long as the block lasts."""
    if not console.is_terminal:
        lines = Lines(console, pipeline)
        yield lines
        lines.last()
        return
    with Live(console=console, refresh_per_second=4, transient=False) as live, _piped(console) as stderr:
        yield Terminal(live, pipeline, stderr)


class Lines:
    """For log files and pipes: a line every five seconds, and one at the end."""

    stderr: int | None = None

    def __init__(self, console: Console, pipeline: str) -> None:
        self._console = console
        self._pipeline = pipeline
        self._rate = Rate()
        self._next_s = time.monotonic() + 1
        self._status: Status | None = None

    def update(self, status: Status) -> None:
        self._status = status
        rate = self._rate.of(status.totals.records_in)
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _LINE_EVERY_S
            self.say(" · ".join(sentences(self._pipeline, status, rate)))

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def last(self) -> None:
        if self._status is not None:
            self.say(counts(self._pipeline, self._status))


class Terminal:
    """For people: the lines are replaced in place, logs scroll above them."""

    def __init__(self, live: Live, pipeline: str, stderr: int) -> None:
        self._live = live
        self._pipeline = pipeline
        self._rate = Rate()
        self.stderr: int | None = stderr

    def update(self, status: Status) -> None:
        self._live.update(Text("\n".join(sentences(self._pipeline, status, self._rate.of(status.totals.records_in)))))

    def say(self, text: str) -> None:
        self._live.console.print(text, markup=False)


class Rate:
    """Records per second over the last few seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()  # bounded by time: about ten entries a second

    def of(self, count: int) -> float:
        now = time.monotonic()
        self._seen.append((now, count))
        while now - self._seen[0][0] > _RATE_OVER_S:
            self._seen.popleft()
        first_s, first = self._seen[0]
        return (count - first) / (now - first_s) if now > first_s else 0.0


def sentences(pipeline: str, status: Status, rate: float) -> list[str]:
    """Counts, rate and lag, versions; then whatever is not as it should be."""
    reports = [worker.report for worker in status.workers]
    behind = [report.behind for report in reports if report.behind is not None]
    lag = f", {sum(behind):,} behind" if behind else ""
    found = [f"{counts(pipeline, status)} · {rate:,.0f}/s{lag} · {_versions(reports)}{' · finishing' if status.draining else ''}"]
    for worker in status.workers:
        if worker.state not in (State.RUNNING, State.ENDED):
            found.append(f"worker {worker.slot} {worker.state}")
        if worker.report.waiting_for:
            found.append(f"worker {worker.slot} waits: {worker.report.waiting_for}")
    found += sorted({f"refused: {report.refused}" for report in reports if report.refused})
    return found + _idle(status, rate)


def counts(pipeline: str, status: Status) -> str:
    totals = status.totals
    return (
        f"{pipeline}: {totals.records_in:,} in, {totals.records_out:,} out, "
        f"{totals.dead_letters:,} dead letters, {totals.filtered:,} filtered"
    )


def _versions(reports: list[Report]) -> str:
    seen = sorted({(version, report.head) for report in reports for version in report.versions})
    if not seen:
        return "no version loaded yet"
    return ", ".join(f"version {version}" + (f" (head {head})" if head else "") for version, head in seen)


def _idle(status: Status, rate: float) -> list[str]:
    before = sum(worker.report.before for worker in status.workers)
    if rate == 0 and before and not status.totals.records_in and status.ready:
        return [f"0 new records; {_short(before)} before the start: --from earliest"]
    return []


def _short(count: int) -> str:
    """A count for people: 950, 1.2 M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if count >= limit:
            return f"{count / (1e3 if unit == 'k' else limit):.1f} {unit}"
    return f"{count:,}"


@contextlib.contextmanager
def _piped(console: Console) -> Iterator[int]:
    """A pipe whose lines are printed above the live ones."""
    reading, writing = os.pipe()

    def copy() -> None:
        with os.fdopen(reading, "r", errors="replace") as lines:
            for line in lines:
                console.print(line.rstrip("\n"), markup=False)

    copying = threading.Thread(target=copy, name="logs", daemon=True)
    copying.start()
    try:
        yield writing
    finally:
        os.close(writing)
        copying.join(2)
