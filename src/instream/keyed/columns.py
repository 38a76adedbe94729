"""Columns of a batch to rows of numbers, and scores back to the columns that a keyed model gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from instream.compare import PROBABILITIES
from instream.keyed.link import Array
from instream.signature import Category, Field

PREDICTION, LABEL = "prediction", "label"
_KINDS = {str: "string", bool: "bool", int: "int64", float: "float64"}


def rows_of(columns: Sequence[pa.Array]) -> Array:
    """Numbers and booleans side by side, null as NaN: float64, shape (n, k), C order."""
    rows = np.empty((len(columns[0]), len(columns)))
    for at, column in enumerate(columns):
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.float64() if column.null_count else pa.int8())
        rows[:, at] = column.to_numpy(zero_copy_only=False)  # converts as it copies
    return rows


def outputs_of(width: int, classes: Sequence[Category] | None) -> tuple[Field, ...]:
    """What a model gives: a prediction, or for classes the most probable one and the probability of each."""
    if classes is None:
        return (Field(PREDICTION, "float64" if width == 1 else f"float64[{width}]"),)
    return (Field(LABEL, _KINDS[type(classes[0])]), Field(PROBABILITIES, f"float64[{len(classes)}]", categories=tuple(classes)))


def answers_of(scores: Array, outputs: Sequence[Field]) -> list[pa.Array]:
    """The columns of `outputs_of`.

    Args:
        scores: shape (n, width), finite or NaN.
    """
    scores = np.ascontiguousarray(scores, np.float64)
    if len(outputs) == 1:
        return [_numbers(scores, outputs[0])]
    classes = pa.array(outputs[1].categories, outputs[0].arrow.type)
    return [classes.take(pa.array(scores.argmax(axis=1))), _numbers(scores, outputs[1])]


def _numbers(scores: Array, field: Field) -> pa.Array:
    flat = pa.array(scores.ravel())
    return flat if pa.types.is_float64(field.arrow.type) else pa.FixedSizeListArray.from_arrays(flat, scores.shape[1])
