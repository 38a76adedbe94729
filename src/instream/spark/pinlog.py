"""Which head scores which micro-batch, written down before it is scored: a batch that is tried again gives the same answers.

The log lies beside Spark's checkpoint, in whatever file system that is, and is written as Spark writes its own: each entry a
file that appears whole or not at all, and never over another one.
"""

from __future__ import annotations

from typing import Any

import msgspec
from pyspark.sql import SparkSession

from instream.errors import SourceFailed
from instream.head import Revision
from instream.package import Version

_KEPT = 100
"""Entries; as many batches as Spark itself keeps by default (`spark.sql.streaming.minBatchesToRetain`)."""


_PURGED_EVERY = 10


class Pin(msgspec.Struct, frozen=True):
    """What scores a batch.

    Attributes:
        head: revision; 0 where the file names a version, None where servers were between two heads, and only the version counts.
        version: which `head` says; None for an answer that no version gives (`strategy.fallback = "default"`).
        parameters: of keys, as they were at this revision (µs of the store's clock); None where keys have none.
    """

    head: Revision | None
    version: Version | None
    parameters: int | None = None


class Pins:
    """The log of one query. Not for several threads at once."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        """Open, or begin.

        Args:
            folder: a path or URL that Spark's file systems know.
        """
        jvm: Any = spark.sparkContext._jvm
        text = jvm.scala.reflect.ClassTag.apply(jvm.java.lang.Class.forName("java.lang.String"))
        made = jvm.org.apache.spark.sql.execution.streaming.checkpointing.HDFSMetadataLog
        self._folder = folder
        self._log = made(spark._jsparkSession, folder, False, text)
        self._kept = max(_KEPT, int(spark.conf.get("spark.sql.streaming.minBatchesToRetain") or _KEPT))

    def of(self, batch_id: int) -> Pin | None:
        """What a batch was pinned to; None where it was not. Raises SourceFailed for an entry that cannot be read."""
        found = self._log.get(batch_id)
        if not found.isDefined():
            return None
        try:
            return msgspec.json.decode(found.get(), type=Pin)
        except msgspec.MsgspecError as error:
            raise SourceFailed(
                f"{self._folder}/{batch_id}: not a pin of a micro-batch: {error}; it was written by somebody else"
            ) from error

    def pin(self, batch_id: int, pin: Pin) -> Pin:
        """Write down what a batch is scored by, unless somebody has; what is written. It is durable when this returns."""
        if self._log.add(batch_id, msgspec.json.encode(pin).decode()):
            if batch_id % _PURGED_EVERY == 0:  # a look at the whole folder
                self._log.purge(batch_id - self._kept)
            return pin
        found = self.of(batch_id)
        assert found is not None, batch_id
        return found
