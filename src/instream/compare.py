"""Whether outputs are equal to the original's, within a tolerance that was fixed beforehand.

Numbers: |a-b| <= atol + rtol * |b|, b the original's; NaN equals NaN and an infinity equals itself. Labels must
be the same, unless the original could hardly tell its two best apart: their probabilities differ by less than
2 * atol (or, where there is a `score` instead, the score lies that close to its border, 0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from instream.lists import items
from instream.package import Tolerance

PROBABILITIES = "probabilities"
SCORE = "score"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The worst value of a batch.

    Attributes:
        excess: how many times the allowed error it is off; infinite for a label or a null.
    """

    row: int
    output: str
    expected: Any
    got: Any
    allowed: float
    excess: float

    def __str__(self) -> str:
        expected, got = _short(self.expected), _short(self.got)
        return f"row {self.row}, {self.output}: expected {expected}, got {got}, allowed {self.allowed:.3g}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that two batches differ by.

    Attributes:
        error: largest |a-b| over all numbers; infinite where one is not finite and the other differs.
        excess: float64, shape (rows,): how many times the allowed error each row's worst value is off.
        worst: the worst value that is not equal; None when all are.
    """

    error: float
    excess: Floats
    worst: Mismatch | None


def worst(original: pa.RecordBatch, got: pa.RecordBatch, tolerance: Mapping[str, Tolerance]) -> Mismatch | None:
    """The value that is furthest off, as a multiple of what is allowed; None when all are equal.

    Raises:
        ValueError: the batches have other columns or another number of rows.
    """
    return compare(original, got, tolerance).worst


def compare(original: pa.RecordBatch, got: pa.RecordBatch, tolerance: Mapping[str, Tolerance]) -> Comparison:
    """Compare column by column, with the original's column names.

    Args:
        tolerance: for each output; `Tolerance()` where none is given.
    Raises:
        ValueError: the batches have other columns or another number of rows.
    """
    if original.schema.names != got.schema.names or original.num_rows != got.num_rows:
        raise ValueError(f"cannot compare {original.num_rows} rows of {original.schema.names} with {got.num_rows} of {got.schema.names}")
    excess = np.zeros(original.num_rows)
    error, found = 0.0, None
    for name in original.schema.names:
        allowed = tolerance.get(name, Tolerance())
        if _is_number(original.schema.field(name).type):
            each, off, limit = _numbers(original.column(name), got.column(name), allowed)
            error = max(error, float(each.max(initial=0.0)))
        else:
            off = _labels(original, got, name, tolerance)
            limit = np.full(len(off), 2 * tolerance.get(PROBABILITIES, Tolerance()).atol)
        if off.size and off.max() > 1 and (found is None or off.max() > found.excess):
            row = int(off.argmax())
            expected, value = original.column(name)[row].as_py(), got.column(name)[row].as_py()
            found = Mismatch(row, name, expected, value, float(limit[row]), float(off[row]))
        excess = np.maximum(excess, off)
    return Comparison(error, excess, found)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind.value_type if pa.types.is_fixed_size_list(kind) else kind))


def _numbers(original: pa.Array, got: pa.Array, allowed: Tolerance) -> tuple[Floats, Floats, Floats]:
    """|a-b|, its multiple of what is allowed, and what is allowed, each of shape (rows,): the worst place of each row."""
    expected, value = _matrix(original), _matrix(got)
    if expected.shape != value.shape:
        raise ValueError(f"cannot compare {original.type} with {got.type}")
    with np.errstate(invalid="ignore", divide="ignore"):
        limit = allowed.allowed(expected)
        error = np.abs(value - expected)
        same = (value == expected) | (np.isnan(value) & np.isnan(expected))
        error = np.where(same, 0.0, np.where(np.isfinite(error), error, np.inf))
        multiple = np.where(same, 0.0, np.where(np.isfinite(limit) & (limit > 0), error / limit, np.inf))
    if not expected.shape[1]:
        return (np.zeros(len(expected)),) * 3
    place = multiple.argmax(axis=1)[:, None]
    at = [np.take_along_axis(each, place, axis=1)[:, 0] for each in (error, multiple, limit)]
    return error.max(axis=1), at[1], at[2]


def _labels(original: pa.RecordBatch, got: pa.RecordBatch, name: str, tolerance: Mapping[str, Tolerance]) -> Floats:
    """0 where the labels are the same or the original could hardly tell, infinite elsewhere; shape (rows,)."""
    expected, value = original.column(name), got.column(name)
    if expected.type != value.type:
        raise ValueError(f"cannot compare {name}: {expected.type} with {value.type}")
    same = (
        np.asarray(pc.fill_null(pc.equal(expected, value), False))
        if not pa.types.is_nested(expected.type)
        else np.array([a == b for a, b in zip(expected.to_pylist(), value.to_pylist(), strict=True)], bool)
    )
    same = same | (np.asarray(expected.is_null()) & np.asarray(value.is_null()))
    return np.where(same | _tied(original, tolerance), 0.0, np.inf)


def _tied(original: pa.RecordBatch, tolerance: Mapping[str, Tolerance]) -> npt.NDArray[np.bool_]:
    """Rows whose label could as well be another."""
    names = original.schema.names
    if PROBABILITIES in names:
        probabilities = _matrix(original.column(PROBABILITIES))
        if probabilities.shape[1] >= 2:
            top = np.partition(probabilities, -2, axis=1)[:, -2:]
            return np.asarray(top[:, 1] - top[:, 0] < 2 * tolerance.get(PROBABILITIES, Tolerance()).atol)
    if SCORE in names:
        return np.asarray(np.abs(_matrix(original.column(SCORE))[:, 0]) < 2 * tolerance.get(SCORE, Tolerance()).atol)
    return np.zeros(original.num_rows, bool)


def _matrix(column: pa.Array) -> Floats:
    """float64, shape (rows, width); null as NaN."""
    width = 1
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        column = items(column.fill_null([None] * width) if column.null_count else column)
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64).reshape(-1, width) if width else np.empty((len(column), 0))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list):
        return "[" + ", ".join(_short(each) for each in value[:8]) + (", …]" if len(value) > 8 else "]")
    return repr(value)
