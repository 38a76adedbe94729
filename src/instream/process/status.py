"""How the workers of a pipeline are, for people, probes and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from instream.process.messages import Report


class State(StrEnum):
    """Of one worker."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker.

    Attributes:
        report: of the process that runs now; of the last one while none does.
        restarts: after crashes.
    """

    slot: int
    pid: int
    state: State
    report: Report
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Of all workers, crashed ones included: what they last reported."""

    records_in: int = 0
    records_out: int = 0
    dead_letters: int = 0
    filtered: int = 0

    def plus(self, report: Report | Totals) -> Totals:
        return Totals(
            self.records_in + report.records_in,
            self.records_out + report.records_out,
            self.dead_letters + report.dead_letters,
            self.filtered + report.filtered,
        )


@dataclass(frozen=True, slots=True)
class Status:
    """The whole pipeline."""

    workers: Sequence[WorkerStatus]
    totals: Totals
    draining: bool

    @property
    def ready(self) -> bool:
        """Every worker can score records now."""
        return bool(self.workers) and all(worker.state is State.RUNNING or worker.state is State.ENDED for worker in self.workers)
