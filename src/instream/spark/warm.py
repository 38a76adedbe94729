"""Keep Spark's Python workers while a stream is quiet: Spark ends those that were idle for a minute, and their models with them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from instream.spark.batches import Batches

_EVERY_S = 25.0
"""Less than half of Spark's minute (`PythonWorkerFactory.IDLE_WORKER_TIMEOUT_NS`, which no setting changes)."""


class Warm:
    """For the driver's thread."""

    def __init__(self, spark: SparkSession, batches: Batches) -> None:
        self._spark = spark
        self._batches = batches
        self._touched_s = time.monotonic()

    def tick(self) -> None:
        """One small task for each executor, whose Python workers then count as used; nothing where a batch did that."""
        now_s = time.monotonic()
        if self._batches.under_way is not None:
            self._touched_s = now_s
        elif now_s - self._touched_s >= _EVERY_S:
            self._touched_s = now_s
            self._spark.sparkContext.setJobDescription("keeps models loaded while no records come")
            known = self._spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size()  # with the driver, which is the one here
            tasks = max(1, int(known) - 1)
            with contextlib.suppress(PySparkException):  # where this fails, a batch will, and that is told
                self._spark.range(0, tasks, 1, tasks).mapInArrow(_nothing, "id long").count()


def _nothing(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches
