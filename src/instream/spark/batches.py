"""What Spark calls for each micro-batch: pin it, score it, write it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from instream.errors import InstreamError, StoreError, Unavailable
from instream.flow.points import reached
from instream.head import Revision
from instream.hosted import Hosted
from instream.package import Version
from instream.predictor import Readiness
from instream.settings import Pipeline
from instream.spark.ends import End, Ends
from instream.spark.faults import error_of
from instream.spark.pinlog import Pin, Pins
from instream.spark.rows import IS_OUTPUT, Rows
from instream.spark.sent import Sent
from instream.spark.tally import Adding, Tally
from instream.spark.topics import Partitions
from instream.spark.udf import scoring

_LOOK_S = 0.05


class Drained(Exception):
    """Raised instead of beginning a batch, once somebody wants the query to end; the next run does that batch."""


class Failed(Exception):
    """Raised in the place of what a batch failed with, which is kept here: Spark looks through the text of an exception with a
    regular expression that recurses, and one with a long traceback overflows the stack of its thread, which then never ends."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a query's batches are put between; `moment`: see `moment.moment_of`."""

    settings: Pipeline
    ends: Ends
    partitions: Partitions
    pins: Pins
    sent: Sent
    moment: Callable[[], int | None]


class Batches:
    """Called by Spark's thread; what is public beside that may be used by any."""

    def __init__(self, spark: SparkSession, place: Place, predictor: Hosted, counted: Callable[[Tally], None]) -> None:
        """Put the parts together.

        Args:
            predictor: of this process, which follows the head: what it has adopted, new batches are pinned to.
            counted: told what became of each batch that was written.
        """
        self._spark = spark
        self._place = place
        self._rows = Rows(place.settings, place.ends, place.partitions)
        self._predictor = predictor
        self._counted = counted
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self.under_way: int | None = None
        self.written: int | None = None
        """The batch that was written last; Spark commits it right after."""
        self.failure: InstreamError | None = None
        """Why the last batch failed."""

    def stop(self) -> None:
        """Begin no batch any more."""
        with self._guard:
            self._stopping.set()

    def __call__(self, records: DataFrame, batch_id: int) -> None:
        with self._guard:
            if self._stopping.is_set():
                raise Drained
            self.under_way = batch_id
        try:
            self._run(records, batch_id)
            self.written = batch_id
        except Exception as error:
            self.failure = error if isinstance(error, InstreamError) else error_of(error, self._place.settings.name)
            raise Failed(f"batch {batch_id}: {type(self.failure).__name__}") from None
        finally:
            self.under_way = None

    def _run(self, records: DataFrame, batch_id: int) -> None:
        reached("polled")
        place = self._place
        pin = place.pins.of(batch_id) or place.pins.pin(batch_id, self._current())
        reached("scored")
        self._spark.sparkContext.setJobDescription(f"{place.settings.name}: batch {batch_id}, {_said(pin)}")
        tally = self._spark.sparkContext.accumulator(Tally(), Adding())
        score = scoring(place.sent, pin, place.ends.source.topic, tally)
        self._write(self._rows.of(records, score))
        tally.value.raise_fatal()
        reached("produced")
        self._counted(tally.value)

    def _write(self, rows: DataFrame) -> None:
        ends = self._place.ends
        if ends.dead is None or ends.one_writer:
            _save(rows, ends.sink)
            return
        rows.persist()  # two clusters, two writes; and each record is scored once
        try:
            _save(rows.where(IS_OUTPUT).drop(IS_OUTPUT), ends.sink)
            _save(rows.where(f"not {IS_OUTPUT}").drop(IS_OUTPUT), ends.dead)
        finally:
            rows.unpersist()

    def _current(self) -> Pin:
        """What is in force here. Raises Unavailable where no server or store says for as long as a batch may wait."""
        until = time.monotonic() + self._place.sent.job.hold_s
        while True:
            now = self._predictor.ready()
            try:
                if now.ready:
                    return pin_of(now, self._place.moment())
                why = now.reason
            except StoreError as error:
                why = str(error)
            if time.monotonic() > until or self._stopping.is_set():
                raise Unavailable(f"{self._place.settings.model.name}: no model to pin a batch to: {why}")
            time.sleep(_LOOK_S)


def pin_of(now: Readiness, parameters: int | None) -> Pin:
    """What a batch that begins now is pinned to."""
    if not now.versions:
        return Pin(Revision(0), None)  # the fixed answer of strategy.default
    return Pin(Revision(now.head) if len(now.versions) == 1 else None, Version(now.versions[0]), parameters)


def _save(rows: DataFrame, end: End) -> None:
    rows.write.format("kafka").options(**end.spark()).save()


def _said(pin: Pin) -> str:
    return f"version {pin.version}, head {pin.head}" if pin.head else f"version {pin.version}"
