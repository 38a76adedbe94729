"""Tensors to the columns of a model: what Open Inference and TensorFlow Serving have in common.

A column of numbers or texts is a tensor of shape [rows] or [rows, 1]; a fixed-size list one of [rows, size]. Where a model
reads only numbers, one tensor [rows, columns] may stand for all of them, in the signature's order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from instream.errors import InvalidRows, TooLarge
from instream.wire.columns import Column, Columns, family_of
from instream.wire.inputs import Input, Inputs, check_family

_SIZES_MAX = 8  # dimensions of a tensor


class Tensor(msgspec.Struct, frozen=True, gc=False):
    """One input.

    Attributes:
        shape: rows first.
        values: flat, in row-major order, as many as the shape says; texts as an Arrow array.
    """

    name: str
    shape: tuple[int, ...]
    values: Column


def size_of(shape: Sequence[int], name: str, rows_max: int) -> int:
    """How many values a tensor of this shape has. Raises InvalidRows, TooLarge."""
    if not 1 <= len(shape) <= _SIZES_MAX or min(shape) < 0:
        raise InvalidRows(f"{name}: shape {list(shape)}: rows first, 1 to {_SIZES_MAX} sizes, none negative")
    if shape[0] > rows_max:
        raise TooLarge(f"{name}: {shape[0]:,} rows in one request: at most {rows_max:,} are taken; send fewer at once")
    return math.prod(shape)


def columns_of(tensors: Sequence[Tensor], inputs: Inputs) -> Columns:
    """The columns that a model reads.

    Raises:
        InvalidRows: a tensor is missing, or has another shape or type than the model reads; says what it reads.
    """
    if len(tensors) == 1 and _is_matrix(tensors[0], inputs):
        return _from_matrix(tensors[0], inputs)
    named = {tensor.name: tensor for tensor in tensors}
    if absent := inputs.by_name.keys() - named.keys():
        raise InvalidRows(
            f"the model reads {', '.join(sorted(absent))}, and the request has {', '.join(named) or 'nothing'}. It reads {inputs}"
        )
    rows = {named[field.name].shape[0] for field in inputs.fields}
    if len(rows) > 1:
        raise InvalidRows(f"the tensors have {' and '.join(map(str, sorted(rows)))} rows: the first size must be the same in all")
    return Columns([_column(named[field.name], field) for field in inputs.fields], rows.pop() if rows else 0)


def _column(tensor: Tensor, field: Input) -> Column:
    rows, width = tensor.shape[0], math.prod(tensor.shape[1:])
    if width != field.width:
        raise InvalidRows(
            f"{tensor.name} has shape {list(tensor.shape)}, and the model reads {[-1] if field.size is None else [-1, field.size]}"
        )
    check_family(tensor.name, family_of(tensor.values), field)
    if field.size is None:
        return tensor.values
    if isinstance(tensor.values, np.ndarray):
        return tensor.values.reshape(rows, field.size)
    return pa.FixedSizeListArray.from_arrays(tensor.values, field.size) if rows else pa.array([], field.kind)


def _is_matrix(tensor: Tensor, inputs: Inputs) -> bool:
    return tensor.name not in inputs.by_name and (len(inputs.fields) == 1 or len(tensor.shape) == 2)


def _from_matrix(tensor: Tensor, inputs: Inputs) -> Columns:
    """One tensor for every column; with a single column, whatever name the tensor has."""
    if len(inputs.fields) == 1:
        return Columns([_column(tensor, inputs.fields[0])], tensor.shape[0])
    rows, width = tensor.shape
    if width != len(inputs.fields) or not isinstance(tensor.values, np.ndarray):
        raise InvalidRows(f"{tensor.name} has shape {list(tensor.shape)}. The model reads {inputs}")
    for field in inputs.fields:
        check_family(f"{tensor.name}, as {field.name}", family_of(tensor.values), field)
        if field.size is not None:
            raise InvalidRows(f"{tensor.name} has shape {list(tensor.shape)}. The model reads {inputs}")
    matrix = tensor.values.reshape(rows, width)
    return Columns([matrix[:, at] for at in range(width)], rows)
