"""Rows in whatever form a person has them, as the columns that a model needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from instream.casting import as_type
from instream.errors import InvalidRows
from instream.failures import Code, Failures, failures_of


def columns_of(rows: Any, requires: pa.Schema) -> tuple[pa.RecordBatch, Failures]:
    """The required columns, with the required types; rows that lack a value are failures.

    Args:
        rows: a record batch, a table, a data frame (pandas, or any with Arrow's stream interface), or a list of dicts.
        requires: what the model needs; more columns may be there.
    Returns:
        A batch with one row for each row, and the rows with a null where there must be a value.
    Raises:
        InvalidRows: a column is missing or has values of another type; it names them.
    """
    column = _open(rows)
    arrays = [_column(column, field) for field in requires]
    batch = pa.RecordBatch.from_arrays(arrays, schema=pa.schema([field.with_nullable(True) for field in requires]))
    return batch, _nulls(batch, requires)


def way_back(rows: Any) -> Callable[[pa.RecordBatch], Any]:
    """Gives an answer the form in which the rows came."""
    if isinstance(rows, Sequence):
        return pa.RecordBatch.to_pylist  # type: ignore[no-any-return]
    if isinstance(rows, pa.RecordBatch):
        return lambda batch: batch
    if _is_pandas(rows):
        return lambda batch: batch.to_pandas().set_axis(rows.index)
    return lambda batch: pa.Table.from_batches([batch])


def _open(rows: Any) -> Callable[[str], Any]:
    """How to get a column by name; KeyError when there is none."""
    if isinstance(rows, Sequence) and all(isinstance(row, Mapping) for row in rows):
        return lambda name: [row.get(name) for row in rows]  # as JSON records: what is absent is null
    if isinstance(rows, pa.RecordBatch | pa.Table):
        return rows.column  # type: ignore[no-any-return]
    if _is_pandas(rows):
        return lambda name: rows[name]
    if hasattr(rows, "__arrow_c_stream__"):
        return pa.table(rows).column  # type: ignore[no-any-return]
    raise InvalidRows(f"{type(rows).__name__} cannot be scored: expected a DataFrame, a list of dicts, a pyarrow RecordBatch or Table")


def _is_pandas(rows: Any) -> bool:
    return type(rows).__module__.startswith("pandas") and hasattr(rows, "columns")


def _column(columns: Callable[[str], Any], field: pa.Field) -> pa.Array:
    try:
        given = columns(field.name)
    except KeyError as error:
        raise InvalidRows(f"column {field.name} ({field.type}) is missing; the model needs it") from error
    return as_type(field.name, given, field.type)


def _nulls(batch: pa.RecordBatch, requires: pa.Schema) -> Failures:
    found = [
        (int(row), Code.NULL, f"{field.name} is null; the model takes no nulls there")
        for field, column in zip(requires, batch.columns, strict=True)
        if not field.nullable and column.null_count
        for row in np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
    ]
    return failures_of(found)
