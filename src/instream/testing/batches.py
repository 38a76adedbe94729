"""Records and outcomes made by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from instream.failures import Code, failures_of
from instream.records import Outcome, Partition, Records

TOPIC = "given"


def records_with(values: Sequence[bytes | None], first: int = 0) -> Records:
    """One batch of partition 0, with offsets from `first` on."""
    end = first + len(values)
    return Records(TOPIC, values, np.zeros(len(values), np.int32), np.arange(first, end, dtype=np.int64), {Partition(TOPIC, 0): end})


def outcome_with(values: Sequence[bytes | None]) -> Outcome:
    """Version 1 said these values; a row that is None failed."""
    failures = failures_of((row, Code.SCORE, "told to fail") for row, value in enumerate(values) if value is None)
    stamps = pa.record_batch({"version": pa.array([1] * len(values), pa.int32())})
    return Outcome(values, failures, np.empty(0, np.int32), stamps, 1)
