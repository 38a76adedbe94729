"""What a feature function gave, checked and made into one record batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from instream.failures import Rows

ROW = "__row"
"""The column with the source row of each row, in a result that leaves rows out."""

_PANDAS_INDEX = "__index_level_"


class WrongShape(Exception):
    """The rows of a result cannot be told apart. Never leaves the feature step."""


@dataclass(frozen=True, slots=True)
class Result:
    """One call's answer: rows, and int32 the row of the call's input that each came from."""

    batch: pa.RecordBatch
    rows: Rows


def result_from(given: Any, rows: int) -> Result:
    """Check an answer for `rows` rows.

    Raises:
        TypeError: it is no batch, table or data frame.
        WrongShape: it has too many or too few rows, or its `__row` is not strictly increasing within the input.
    """
    batch = batch_from(given)
    if ROW in batch.schema.names:
        sources = _sources(batch.column(ROW), rows)
        return Result(batch.drop_columns([ROW]), sources)
    if batch.num_rows != rows:
        raise WrongShape(
            f"gave {batch.num_rows:,} rows for {rows:,}: give as many, or a column {ROW} with the source row of each; "
            "one row cannot become several"
        )
    return Result(batch, np.arange(rows, dtype=np.int32))


def batch_from(given: Any) -> pa.RecordBatch:
    """One record batch from a record batch, table or data frame. Raises TypeError for anything else."""
    if isinstance(given, pa.RecordBatch):
        return given
    if not isinstance(given, pa.Table) and not hasattr(given, "__arrow_c_stream__"):
        raise TypeError(f"gave {type(given).__name__}: expected a pyarrow.RecordBatch, a pyarrow.Table or a pandas DataFrame")
    table = pa.table(given)
    index = [name for name in table.column_names if name.startswith(_PANDAS_INDEX)]
    table = table.drop_columns(index).replace_schema_metadata(None)
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_arrays([pa.array([], f.type) for f in table.schema], schema=table.schema)


def cast_to(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The same columns with the types of `schema`, where it knows them.

    Raises:
        ValueError: a column is missing, or a value does not fit its type.
    """
    if batch.schema.equals(schema):
        return batch
    columns = []
    for field in schema:
        at = batch.schema.get_field_index(field.name)
        if at < 0:
            raise ValueError(f"no column {field.name}, which an empty batch gave: give the same columns for every batch")
        column = batch.column(at)
        columns.append(column if column.type == field.type or pa.types.is_null(field.type) else _cast(field, column))
    return pa.RecordBatch.from_arrays(columns, names=schema.names)


def _cast(field: pa.Field, column: pa.Array) -> pa.Array:
    try:
        return pc.cast(column, field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"column {field.name}: expected {field.type}, as an empty batch gave, got {column.type}: {error}") from error


def _sources(column: pa.Array, rows: int) -> Rows:
    if not pa.types.is_integer(column.type) or column.null_count:
        raise WrongShape(f"{ROW} is {column.type} with {column.null_count:,} nulls: expected integers, the source row of each row")
    sources: npt.NDArray[np.int64] = column.to_numpy(zero_copy_only=False).astype(np.int64)
    if len(sources) and (sources[0] < 0 or sources[-1] >= rows or (np.diff(sources) <= 0).any()):
        raise WrongShape(f"{ROW} must be strictly increasing within 0 to {rows - 1:,}: no row twice, none moved, one cannot become several")
    return sources.astype(np.int32)
