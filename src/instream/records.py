"""Records and outcomes: parallel columns, never one object per record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from instream.failures import Failures, Rows

Headers = Sequence[tuple[str, bytes | None]]


class Partition(NamedTuple):
    """Where offsets count: a partition of a topic, or a file (number 0)."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Records:
    """A batch from a source.

    Attributes:
        topic: the source's name; with partition and offset it makes a record's source id.
        values: original bytes, kept until committed; None for a tombstone.
        keys, headers: None when absent or not asked for.
        timestamps: int64, Unix milliseconds, shape (n,); None when absent or not asked for.
        partitions: int32, shape (n,).
        offsets: int64, shape (n,); may have gaps.
        positions: the next offset of each partition: all that a commit needs.
    """

    topic: str
    values: Sequence[bytes | None]
    partitions: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    positions: Mapping[Partition, int]
    keys: Sequence[bytes | None] | None = None
    headers: Sequence[Headers | None] | None = None
    timestamps: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def source_id(self, row: int) -> str:
        """`topic:partition:offset` of one row."""
        return f"{self.topic}:{self.partitions[row]}:{self.offsets[row]}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of each record, aligned one to one with Records.

    Attributes:
        values: None where failed or filtered.
        failures: rows that become dead letters.
        filtered: int32, rows that the feature step left out.
        stamps: one row a record; null where nothing scored it.
        head: the head revision that routed it.
    """

    values: Sequence[bytes | None]
    failures: Failures
    filtered: Rows
    stamps: pa.RecordBatch
    head: int
