"""The rows of a request as they were read, and those of several requests as one batch for the model.

A column stays a numpy array until the batch is made: for one row, making and joining Arrow arrays costs more than all else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from instream.casting import as_type
from instream.wire.inputs import Family, Input, Inputs

Column: TypeAlias = npt.NDArray[Any] | pa.Array
"""Numbers and bools as an array of shape (rows,) or (rows, size); texts, and what came as Arrow, as an Arrow array."""


class Columns(msgspec.Struct, frozen=True, gc=False):
    """What a model reads, in the order of its signature; numbers may still have another type than it reads."""

    values: Sequence[Column]
    num_rows: int

    @property
    def nbytes(self) -> int:
        return sum([column.nbytes for column in self.values])


def family_of(column: Column) -> Family:
    """Of a column that was read from a tensor."""
    if isinstance(column, np.ndarray):
        return "bool" if column.dtype.kind == "b" else "number"
    return "text"


def joined(parts: Sequence[Columns], inputs: Inputs) -> pa.RecordBatch:
    """The rows of several requests, in order. Raises InvalidRows for a value that its column's type cannot hold."""
    arrays = [_joined(field, [part.values[at] for part in parts]) for at, field in enumerate(inputs.fields)]
    return pa.RecordBatch.from_arrays(arrays, schema=inputs.schema)


def one_row(inputs: Inputs) -> Columns:
    """A row of ones and empty texts, as a request would bring it."""
    return Columns([_ones(field) for field in inputs.fields], 1)


def _ones(field: Input) -> Column:
    if field.family == "text":
        return pa.array(["" if field.size is None else [""] * field.size], field.kind)
    return np.ones(1 if field.size is None else (1, field.size), field.item.to_pandas_dtype())


def _joined(field: Input, columns: Sequence[Column]) -> pa.Array:
    first = columns[0]
    if len(columns) == 1:
        return _arrow(field, first)
    if isinstance(first, np.ndarray) and all(isinstance(column, np.ndarray) and column.dtype == first.dtype for column in columns):
        return _arrow(field, np.concatenate(columns))
    return pa.concat_arrays([_arrow(field, column) for column in columns])


def _arrow(field: Input, column: Column) -> pa.Array:
    if not isinstance(column, np.ndarray):
        return column if column.type == field.kind else as_type(field.name, column, field.kind)
    if field.size is None:
        return _scalars(field, column)
    if not len(column):
        return pa.array([], field.kind)
    return pa.FixedSizeListArray.from_arrays(_scalars(field, column.reshape(-1)), field.size)


def _scalars(field: Input, column: npt.NDArray[Any]) -> pa.Array:
    """NaN is a missing value, as in JSON."""
    missing = column.dtype.kind == "f" and bool(np.isnan(column).any())
    values = pa.array(np.ascontiguousarray(column), from_pandas=missing)
    return values if values.type == field.item else as_type(field.name, values, field.item)
