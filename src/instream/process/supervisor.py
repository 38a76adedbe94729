"""Keep the workers of a pipeline running: spawn, watch, restart, drain, and choose the exit status."""

from __future__ import annotations

import select
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from instream.flow.clock import SYSTEM, Clock
from instream.observe import logs
from instream.process.child import Child, Entry
from instream.process.crashes import CRASHES_MAX, Crashes, explain
from instream.process.exits import Exit
from instream.process.status import State, Status, Totals, WorkerStatus

_log = logs.get("supervisor")

_TURN_S = 0.1
_STARTING_S = 30.0
_KILL_AFTER_S = 2.0  # beyond the grace period, then what still runs is killed


@dataclass(frozen=True, slots=True)
class Finished:
    """How it all ended; `message` is for people, empty when there is nothing to say."""

    exit: Exit
    message: str = ""


@dataclass(slots=True)
class _Worker:
    """One slot: the process that has it, or the time when the next one starts."""

    slot: int
    crashes: Crashes
    child: Child
    start_ns: int | None = None
    done: bool = False
    restarts: int = 0
    earlier: Totals = field(default_factory=Totals)


class Supervisor:
    """`run` in the main thread; `drain` and `kill` from a signal handler or another thread."""

    def __init__(
        self,
        entry: Entry,
        slots: Sequence[int],
        *,
        folder: Path,
        grace_s: float,
        crashes_max: int = CRASHES_MAX,
        died: Callable[[int], None] = lambda pid: None,
        clock: Clock = SYSTEM,
    ) -> None:
        """Prepare; nothing starts before `run`.

        Args:
            slots: one worker each.
            folder: temporary, for what processes share.
            crashes_max: so many in a row end it all; 1 where a worker cannot begin again.
            died: told the process id of each child that is gone.
        """
        self._entry = entry
        self._slots = slots
        self._folder = folder
        self._grace_s = grace_s
        self._crashes_max = crashes_max
        self._died = died
        self._clock = clock
        self._workers: list[_Worker] = []
        self._finished: Finished | None = None
        self._asked = threading.Event()
        self._kill_ns: int | None = None
        self._begun_ns = clock.monotonic_ns()
        self.status = Status((), Totals(), False)
        """A snapshot, replaced several times a second; any thread may read it."""

    def drain(self) -> None:
        """Let every worker finish and end; asking again changes nothing."""
        self._asked.set()

    def kill(self) -> None:
        """End now; what is in flight is not committed."""
        self._kill_ns = 0
        self._asked.set()

    def run(self, show: Callable[[Status], None] = lambda status: None) -> Finished:
        """Until every worker ended or one ended the pipeline. `show` is called about ten times a second."""
        random = Random()
        self._workers = [_Worker(slot, Crashes(self._clock, random, self._crashes_max), self._spawn(slot)) for slot in self._slots]
        try:
            while not all(worker.done for worker in self._workers):
                self._wait()
                if self._asked.is_set() and self._kill_ns is None:
                    self._drain_all()
                for worker in self._workers:
                    self._turn(worker)
                self.status = self._look()
                show(self.status)
        finally:
            for worker in self._workers:
                worker.child.kill()
                worker.child.close()
        return self._finished or Finished(Exit.DONE)

    def _spawn(self, slot: int) -> Child:
        child = Child(self._entry, slot, self._folder)
        _log.debug("worker started", slot=slot, pid=child.pid)
        return child

    def _wait(self) -> None:
        sockets = [worker.child.socket for worker in self._workers if not worker.done and worker.child.listening]
        select.select(sockets, [], [], _TURN_S)

    def _turn(self, worker: _Worker) -> None:
        if worker.done:
            return
        if worker.start_ns is not None:
            self._restart(worker)
            return
        status = worker.child.exited()  # first: what it said before it ended is then all there to be read
        worker.child.read()
        if status is not None:
            self._exited(worker, status)
        elif self._killing():
            worker.child.kill()

    def _killing(self) -> bool:
        return self._kill_ns is not None and self._clock.monotonic_ns() >= self._kill_ns

    def _restart(self, worker: _Worker) -> None:
        assert worker.start_ns is not None
        if self._asked.is_set():
            worker.done = True
        elif self._clock.monotonic_ns() >= worker.start_ns:
            worker.start_ns = None
            worker.restarts += 1
            worker.child = self._spawn(worker.slot)
            worker.crashes.started()

    def _exited(self, worker: _Worker, status: int) -> None:
        child = worker.child
        child.close()
        self._died(child.pid)
        if child.ended is not None and status == 0:
            worker.done = True
        elif child.failed is not None and child.failed.exit is not None:
            worker.done = True
            self._stop(Finished(Exit(child.failed.exit), child.failed.message))
        elif child.failed is not None and self._starting():
            worker.done = True
            self._stop(Finished(Exit.REFUSED, child.failed.message))
        else:
            self._crashed(worker, _how(status, child))

    def _starting(self) -> bool:
        """Nothing was ever read and it has just begun: what fails now is the set-up, and trying again would hide it."""
        young = self._clock.monotonic_ns() - self._begun_ns < _STARTING_S * 1e9
        return young and not self.status.totals.records_in

    def _crashed(self, worker: _Worker, how: str) -> None:
        if self._asked.is_set():
            worker.done = True
            why = "still busy after engine.grace_s, so it was killed" if self._killing() else how
            self._stop(Finished(Exit.UNFINISHED, f"worker {worker.slot} did not finish: {why}; what is not committed comes again"))
            return
        _log.warning("worker crashed", slot=worker.slot, pid=worker.child.pid, how=how)
        flight = worker.child.flight()
        worker.start_ns = worker.crashes.crashed(flight)
        if worker.start_ns is None:
            worker.done = True
            self._stop(Finished(Exit.CRASH_LOOP, explain(worker.slot, how, flight, self._crashes_max)))
        else:
            worker.earlier = worker.earlier.plus(worker.child.report)

    def _stop(self, why: Finished) -> None:
        """One worker's end is the end of the pipeline: the first reason counts, the others drain."""
        self._finished = self._finished or why
        self._asked.set()

    def _drain_all(self) -> None:
        self._kill_ns = self._clock.monotonic_ns() + int((self._grace_s + _KILL_AFTER_S) * 1e9)
        for worker in self._workers:
            if not worker.done and worker.start_ns is None:
                worker.child.drain(self._grace_s)

    def _look(self) -> Status:
        totals = Totals()
        for worker in self._workers:
            totals = totals.plus(worker.earlier)
            if worker.start_ns is None:
                totals = totals.plus(worker.child.report)
        return Status([_seen(worker) for worker in self._workers], totals, self._asked.is_set())


def _seen(worker: _Worker) -> WorkerStatus:
    if worker.done:
        state = State.ENDED if worker.child.ended else State.FAILED
    elif worker.start_ns is not None:
        state = State.RESTARTING
    else:
        state = State.RUNNING if worker.child.report.ready else State.STARTING
    return WorkerStatus(worker.slot, worker.child.pid, state, worker.child.report, worker.restarts)


def _how(status: int, child: Child) -> str:
    if child.failed is not None:
        return child.failed.message
    if status < 0:
        return f"killed by {signal.Signals(-status).name}" + (" (out of memory?)" if status == -signal.SIGKILL else "")
    return f"exit status {status}, see the log above"
