"""Batches of mixed keys, as Arrow columns and as the numbers that bare arithmetic would take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.keyed.banks import KEY, Bank
from instream.keyed.link import Array

ROWS = 4_096
_SKEW = 1.1

Draw = Literal["uniform", "Zipf"]


@dataclass(frozen=True, slots=True)
class Batch:
    """The same rows twice.

    Attributes:
        columns: the key, then the features.
        numbers: of the keys, shape (n,).
        rows: the features, shape (n, features).
    """

    columns: pa.RecordBatch
    numbers: npt.NDArray[np.intp]
    rows: Array


def batches(bank: Bank, draw: Draw, count: int, rows: int = ROWS) -> Sequence[Batch]:
    """Seeded. Zipf: the n-th most frequent key has a share of n to the power of -1.1, and keys are in no order."""
    return list(_batches(bank, draw, count, rows))


def _batches(bank: Bank, draw: Draw, count: int, rows: int) -> Iterator[Batch]:
    random = np.random.default_rng(1)
    keys = np.array(bank.keys, object)
    shares = np.arange(1, bank.count + 1) ** -_SKEW
    order = random.permutation(bank.count)
    for _ in range(count):
        if draw == "uniform":
            numbers = random.integers(0, bank.count, rows)
        else:
            numbers = order[random.choice(bank.count, rows, p=shares / shares.sum())]
        matrix = random.normal(size=(rows, bank.architecture.features))
        columns = [pa.array(keys[numbers], pa.string()), *(pa.array(column) for column in np.ascontiguousarray(matrix.T))]
        yield Batch(pa.RecordBatch.from_arrays(columns, [KEY, *bank.features]), numbers, matrix)
