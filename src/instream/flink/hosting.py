"""A function of Flink's that has a pipeline inside: loaded once a process, counted in Flink's metrics."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from pyflink.table import ScalarFunction

from instream.flink.metrics import Metrics
from instream.flink.worker import begin_worker
from instream.hosted import Hosted, Job, hosted
from instream.records import Outcome, Records


class Hosting(ScalarFunction):  # type: ignore[misc]  # of a library without types
    """It is sent to the workers as it was made; only there it is opened."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._stack = ExitStack()
        self._hosted: Hosted | None = None
        self._metrics: Metrics | None = None

    def is_deterministic(self) -> bool:
        """Not: the next version of a model gives other values. So no optimizer calls it twice, or not at all."""
        return False

    def open(self, function_context: Any) -> None:
        begin_worker()
        self._hosted = self._stack.enter_context(hosted(self.job))
        self._metrics = Metrics(function_context.get_metric_group(), self._hosted)

    def close(self) -> None:
        self._stack.close()

    @property
    def hosted(self) -> Hosted:
        """Once it is open."""
        assert self._hosted is not None
        return self._hosted

    def process(self, records: Records) -> Outcome:
        """Score a batch, and count it. Raises what `Hosted.process` raises, and Flink restarts the job."""
        assert self._metrics is not None
        outcome = self.hosted.process(records)
        self._metrics.count(len(records), outcome)
        return outcome
