"""One pipeline in one Python worker of Spark, scoring with what a batch is pinned to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from instream.errors import PackageRefused
from instream.hosted import Hosted, Job, hosted
from instream.predictor import Call
from instream.records import Outcome, Records
from instream.spark.pinlog import Pin

_ADOPTING_S = 10.0
"""How long a process may be behind the driver with a head that it is about to adopt: about what loading a model takes."""

_LOOK_S = 0.02


class Pinned:
    """Scores by a pin for as long as its block lasts. For one thread."""

    def __init__(self, job: Job, pin: Pin | None, models: contextlib.ExitStack) -> None:
        self._job = job if pin is None or pin.parameters is None else job.in_steps()
        self._pin = pin
        self._models = models
        self._call = Call(pin=pin.head or None, as_of=pin.parameters) if pin else Call()
        self._here = self._followed()

    @property
    def pipeline(self) -> str:
        return self._here.pipeline

    def process(self, records: Records) -> Outcome:
        """Score a batch. Raises what `Hosted.process` raises, but PackageRefused for a pin that can be had."""
        if self._pin is None:
            return self._here.process(records, self._call)
        try:
            return self._here.process(records, self._call)
        except PackageRefused:
            if self._pin.version is None:
                raise
        self._here = self._exactly(self._pin)
        return self._here.process(records, self._call)

    def _followed(self) -> Hosted:
        """The pipeline that follows the head; the version itself where the head does not say which, or cannot be had here."""
        pin = self._pin
        if pin is not None and pin.head is None and pin.version is not None:
            return self._exactly(pin)
        try:
            found = self._models.enter_context(hosted(self._job))
        except PackageRefused:
            if pin is None or pin.version is None:
                raise
            return self._exactly(pin)
        if pin is None or pin.version is None:
            return found
        if pin.head:
            _wait_for(found, pin.head)
        elif found.ready().versions != (pin.version,):  # the file named another version when this batch was first scored
            return self._exactly(pin)
        return found

    def _exactly(self, pin: Pin) -> Hosted:
        """One version, which stays; loaded once, and kept for the next replay."""
        assert pin.version is not None
        self._pin, self._call = None, Call(as_of=pin.parameters)
        return self._models.enter_context(hosted(self._job.at(pin.version)))


@contextlib.contextmanager
def pinned(job: Job, pin: Pin | None) -> Iterator[Pinned]:
    """A pipeline for the length of a task; the model stays loaded for the next one. Raises what `Hosted` raises."""
    with contextlib.ExitStack() as models:
        yield Pinned(job, pin, models)


def _wait_for(pipeline: Hosted, head: int) -> None:
    """A head that the driver has and this process is still loading: the wait is shorter than loading it twice."""
    until = time.monotonic() + _ADOPTING_S
    while pipeline.ready().head < head and not pipeline.ready().refused and time.monotonic() < until:
        time.sleep(_LOOK_S)
