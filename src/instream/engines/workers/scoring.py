"""What a scoring thread does with a batch: offer it to the pipeline until it is taken."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from instream.engines.workers.batch import Batch, Scored
from instream.errors import Closed, Unavailable
from instream.flow.clock import SYSTEM, Clock
from instream.flow.points import reached
from instream.observe import logs
from instream.predictor import Call
from instream.records import Outcome, Records

_log = logs.get("worker")
_RETRY_S_MAX = 5.0

Letters = Callable[[Records, Outcome], tuple[Records, Outcome]]


class Process(Protocol):
    """The pipeline: pure but for its predictor."""

    def process(self, records: Records, call: Call = Call()) -> Outcome: ...


class Scoring:
    """Call it from scoring threads, one batch each; an outage of the predictor waits here and settles nothing."""

    def __init__(self, pipeline: Process, letters: Letters, *, clock: Clock = SYSTEM) -> None:
        self._pipeline = pipeline
        self._letters = letters
        self._clock = clock
        self._closed = threading.Event()
        self._epoch = 0
        self.waiting_for = ""
        """Why a batch was not taken at the last attempt; empty when it was."""

    def __call__(self, batch: Batch) -> Scored:
        """Score a batch. Raises Closed when it was dropped meanwhile, and whatever a bug raises."""
        outcome = self._offer(batch)
        letters = self._letters(batch.records, outcome) if len(outcome.failures) else None
        reached("scored")
        return Scored(batch, outcome, letters)

    def _offer(self, batch: Batch) -> Outcome:
        while True:
            try:
                outcome = self._pipeline.process(batch.records)  # no deadline: a slow feature step must not expire what follows it
            except Unavailable as outage:
                self._wait(batch, outage)
            else:
                self.waiting_for = ""
                return outcome

    def _wait(self, batch: Batch, outage: Unavailable) -> None:
        if not self.waiting_for:
            _log.warning("waiting for the predictor", reason=str(outage))
        self.waiting_for = str(outage)
        self._clock.wait(self._closed, min(outage.retry_after_s, _RETRY_S_MAX))
        if self._closed.is_set() or batch.epoch != self._epoch:
            raise Closed("the batch was dropped while it waited for the predictor")

    def drop(self, epoch: int) -> None:
        """Batches of another epoch are not offered again."""
        self._epoch = epoch
        self.waiting_for = ""

    def close(self) -> None:
        self._closed.set()
