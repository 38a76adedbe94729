"""A pipeline that needs no model: it doubles numbers, leaves zeros out, and cannot score what is no number."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from instream.errors import Unavailable
from instream.failures import Code, failures_of
from instream.predictor import STAMPS, Call
from instream.records import Outcome, Records


class Doubling:
    """`b"4"` becomes `b"8"`, `b"0"` is filtered, anything else is a failure.

    Attributes:
        before: called with each batch before it is scored; may sleep or raise.
        outages: so many calls raise Unavailable first.
        most_at_once: the largest number of calls that ran at the same time.
    """

    def __init__(self) -> None:
        self.before: Callable[[Records], None] = lambda records: None
        self.outages = 0
        self.calls = 0
        self.batch_rows: list[int] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()

    def process(self, records: Records, call: Call = Call()) -> Outcome:
        with self._lock:
            self.calls += 1
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self.batch_rows.append(len(records))
        try:
            self.before(records)
            if self.outages:
                self.outages -= 1
                raise Unavailable("the model is away", retry_after_s=0.001)
            return double(records)
        finally:
            with self._lock:
                self._now -= 1


def double(records: Records) -> Outcome:
    """What becomes of a batch of numbers."""
    values: list[bytes | None] = []
    filtered, bad = [], []
    for row, value in enumerate(records.values):
        number = int(value) if value is not None and value.isdigit() else None
        values.append(b"%d" % (2 * number) if number else None)
        if number == 0:
            filtered.append(row)
        elif number is None:
            bad.append((row, Code.NOT_JSON, f"expected a number, got {value!r}"))
    stamps = pa.RecordBatch.from_pylist([{"version": 1 if value else None} for value in values], schema=STAMPS)
    return Outcome(values, failures_of(bad), np.array(filtered, np.int32), stamps, head=1)


def originals(records: Records, outcome: Outcome) -> tuple[Records, Outcome]:
    """The failed records as they were: dead letters in their simplest form."""
    rows = outcome.failures.rows
    values = [records.values[row] or b"" for row in rows]
    failed = Records(records.topic, values, records.partitions[rows], records.offsets[rows], records.positions)
    return failed, Outcome(values, failures_of(()), np.empty(0, np.int32), outcome.stamps.slice(0, 0), outcome.head)


def slowly(seconds: float) -> Callable[[Records], None]:
    """A `before` that takes so long."""
    return lambda records: time.sleep(seconds)
