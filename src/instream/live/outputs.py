"""A model's answer for the rows that it can take, put back in its place among all rows of the batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from instream.failures import NONE, Code, Failures, Rows, failures_of, merge
from instream.flow.deadline import Deadline
from instream.lists import items
from instream.live.serving import Model

Mask = npt.NDArray[np.bool_]


def outputs_of(model: Model, inputs: pa.RecordBatch, deadline: Deadline | None = None) -> tuple[pa.RecordBatch, Failures]:
    """Score a batch so that each row has an output or a failure.

    Args:
        inputs: the columns of `model.signature.requires`, in order.
    Returns:
        What the model answers, as many rows, null where failed; and the failures.
    Raises:
        Unavailable, Closed: from the model; no row is settled.
    """
    absent = _nulls(model, inputs)
    if not len(absent):
        return _scored(model, inputs, deadline)
    rows = np.delete(np.arange(inputs.num_rows, dtype=np.int32), absent.rows)
    outputs, failures = _scored(model, inputs.take(pa.array(rows)), deadline)
    return spread(outputs, rows, inputs.num_rows), merge(absent, failures.at(rows))


def spread(batch: pa.RecordBatch, rows: Rows, total: int) -> pa.RecordBatch:
    """Put row i of a batch at rows[i] of `total` rows; the others are null."""
    places = np.full(total, -1, np.int32)
    places[rows] = np.arange(len(rows), dtype=np.int32)
    return batch.take(pa.array(places, mask=places < 0))


def _nulls(model: Model, inputs: pa.RecordBatch) -> Failures:
    found: list[tuple[int, Code, str]] = []
    for field, column in zip(model.signature.inputs, inputs.columns, strict=True):
        if field.nullable:
            continue
        nested = pa.types.is_fixed_size_list(column.type) and items(column).null_count
        if column.null_count or nested:
            at = np.flatnonzero(_null_mask(column)).tolist()
            found += [(row, Code.NULL, f"{field.name} is null, and the model was not trained with missing values there") for row in at]
    return failures_of(found) if found else NONE


def _null_mask(column: pa.Array) -> Mask:
    mask: Mask = np.asarray(column.is_null())
    if pa.types.is_fixed_size_list(column.type):
        valid = np.flatnonzero(~mask)
        mask[valid] = np.asarray(items(column).is_null()).reshape(len(valid), column.type.list_size).any(axis=1)
    return mask


def _scored(model: Model, inputs: pa.RecordBatch, deadline: Deadline | None) -> tuple[pa.RecordBatch, Failures]:
    answered = model.answer(inputs, deadline)
    outputs, failures = _finite(model, answered.outputs)
    if answered.rows is None:
        return outputs, failures
    return spread(outputs, answered.rows, inputs.num_rows), merge(answered.failures, failures.at(answered.rows))


def _finite(model: Model, outputs: pa.RecordBatch) -> tuple[pa.RecordBatch, Failures]:
    """Null and fail the rows with an output that is no number where the signature wants one."""
    found: list[tuple[int, Code, str]] = []
    for field in model.signature.outputs:
        if field.nullable:
            continue
        column = outputs.column(field.name)
        wrong = _not_finite(column)
        if wrong is not None:
            found += [(row, Code.NOT_FINITE, f"{field.name} is {column[row].as_py()}") for row in np.flatnonzero(wrong).tolist()]
    if not found:
        return outputs, NONE
    failures = failures_of(found)
    kept = np.delete(np.arange(outputs.num_rows, dtype=np.int32), failures.rows)
    return spread(outputs.take(pa.array(kept)), kept, outputs.num_rows), failures


def _not_finite(column: pa.Array) -> Mask | None:
    """Rows that are null, or have a value that is not finite; None when there is none."""
    wrong = _null_mask(column) if column.null_count else None
    kind = column.type
    width = kind.list_size if pa.types.is_fixed_size_list(kind) else 1
    values = column.fill_null([0] * width) if wrong is not None and width > 1 else column
    flat = items(values) if pa.types.is_fixed_size_list(kind) else values
    if not pa.types.is_floating(flat.type):
        return wrong
    finite: Mask = np.asarray(np.isfinite(flat.to_numpy(zero_copy_only=False)))
    if finite.all():
        return wrong
    by_row: Mask = np.asarray((~finite).reshape(-1, width).any(axis=1))
    return by_row if wrong is None else by_row | wrong
