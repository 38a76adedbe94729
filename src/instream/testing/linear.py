"""A predictor that is plain arithmetic, and records to offer: for tests of whatever lies around a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from instream.errors import Closed
from instream.failures import Code, failures_of
from instream.package import Version
from instream.predictor import Call, Prediction, Readiness, stamped
from instream.records import Partition, Records


class LinearPredictor:
    """`y = 2 x + n`, a null n counting 0; it fails rows with x > 900 and filters rows with x < -900. Satisfies Predictor.

    Attributes:
        batches: each batch that it was offered, with its call.
        error: raised by `predict` when set.
    """

    requires = pa.schema([pa.field("x", pa.float64(), nullable=False), pa.field("n", pa.int32())])
    produces = pa.schema([pa.field("y", pa.float64(), nullable=False)])
    inflight = 1

    def __init__(self, version: int = 3) -> None:
        self.version = version
        self.batches: list[tuple[pa.RecordBatch, Call]] = []
        self.error: Exception | None = None

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> Prediction:
        self.batches.append((batch, call))
        if self.error is not None:
            raise self.error
        x = batch.column("x").to_numpy()
        y = 2 * x + batch.column("n").fill_null(0).to_numpy()
        out = np.abs(x) > 900
        bad = [(row, Code.SCORE, "x is too large") if x[row] > 0 else (row, Code.FILTERED, "") for row in np.flatnonzero(out).tolist()]
        outputs = pa.RecordBatch.from_arrays([pa.array(y, mask=out)], schema=pa.schema([("y", pa.float64())]))
        return Prediction(outputs, stamped(Version(self.version), len(x)), 41, failures_of(bad))

    def ready(self) -> Readiness:
        return Readiness(True, "")

    def close(self) -> None:
        self.error = Closed("closed")


def records_of(values: Sequence[bytes | None], first: int = 0) -> Records:
    """Records of one partition, with keys, headers and timestamps that tell their offset."""
    offsets = np.arange(first, first + len(values), dtype=np.int64)
    return Records(
        topic="flights",
        values=values,
        partitions=np.full(len(values), 3, np.int32),
        offsets=offsets,
        positions={Partition("flights", 3): first + len(values)},
        keys=[f"key{offset}".encode() for offset in offsets],
        headers=[[("trace", f"{offset}".encode())] for offset in offsets],
        timestamps=1_000 * offsets,
    )
