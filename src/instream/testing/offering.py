"""Offer a batch again and again until it is taken, as a worker does."""

from __future__ import annotations

import time

import pyarrow as pa

from instream.errors import Unavailable
from instream.predictor import Predictor

_PAUSE_S = 0.2


def offered(predictor: Predictor, batch: pa.RecordBatch, within_s: float = 60) -> list[float]:
    """What the output `y` is in the end. Raises Unavailable when it is not taken in time."""
    end_s = time.monotonic() + within_s
    while True:
        try:
            answers: list[float] = predictor.predict(batch).outputs.column("y").to_pylist()
            return answers
        except Unavailable as error:
            if time.monotonic() > end_s:
                raise
            time.sleep(min(error.retry_after_s, _PAUSE_S))
