"""Tensors to the columns of a model and back: what Open Inference and TensorFlow Serving have in common.

A column of numbers or texts is a tensor of shape [rows] or [rows, 1]; a fixed-size list one of [rows, size]. Where a model
reads only numbers, one tensor [rows, columns] may stand for all of them, in the signature's order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from instream.casting import as_type
from instream.errors import InvalidRows, TooLarge

_SIZES_MAX = 8  # dimensions of a tensor

DATATYPES: Mapping[str, pa.DataType] = {
    "BOOL": pa.bool_(),
    "UINT8": pa.uint8(),
    "UINT16": pa.uint16(),
    "UINT32": pa.uint32(),
    "UINT64": pa.uint64(),
    "INT8": pa.int8(),
    "INT16": pa.int16(),
    "INT32": pa.int32(),
    "INT64": pa.int64(),
    "FP16": pa.float16(),
    "FP32": pa.float32(),
    "FP64": pa.float64(),
    "BYTES": pa.string(),
}
"""The names of Open Inference."""

_NAMES = {kind: name for name, kind in DATATYPES.items()}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output.

    Attributes:
        shape: rows first.
        values: flat, in row-major order; as many as the shape says.
    """

    name: str
    shape: tuple[int, ...]
    values: pa.Array


def datatype_of(kind: pa.DataType) -> str:
    """How Open Inference calls the type of a column, or of what is in its lists."""
    return _NAMES[kind.value_type if pa.types.is_fixed_size_list(kind) else kind]


def shape_of(kind: pa.DataType, rows: int) -> tuple[int, ...]:
    """The shape in which a column is answered."""
    return (rows, kind.list_size) if pa.types.is_fixed_size_list(kind) else (rows,)


def size_of(shape: Sequence[int], name: str, rows_max: int) -> int:
    """How many values a tensor of this shape has. Raises InvalidRows, TooLarge."""
    if not 1 <= len(shape) <= _SIZES_MAX or min(shape) < 0:
        raise InvalidRows(f"{name}: shape {list(shape)}: rows first, 1 to {_SIZES_MAX} sizes, none negative")
    if shape[0] > rows_max:
        raise TooLarge(f"{name}: {shape[0]:,} rows in one request: at most {rows_max:,} are taken; send fewer at once")
    return math.prod(shape)


def batch_of(tensors: Sequence[Tensor], requires: pa.Schema) -> pa.RecordBatch:
    """The columns that a model reads.

    Raises:
        InvalidRows: a tensor is missing, or has another shape or type than the model reads; says what it reads.
    """
    named = {tensor.name: tensor for tensor in tensors}
    if len(tensors) == 1 and _is_matrix(tensors[0], requires):
        return _from_matrix(tensors[0], requires)
    if absent := [field.name for field in requires if field.name not in named]:
        raise InvalidRows(
            f"the model reads {', '.join(absent)}, and the request has {', '.join(named) or 'nothing'}. It reads {described(requires)}"
        )
    rows = {named[field.name].shape[0] for field in requires}
    if len(rows) > 1:
        raise InvalidRows(f"the tensors have {' and '.join(map(str, sorted(rows)))} rows: the first size must be the same in all")
    return pa.RecordBatch.from_arrays([_column(named[field.name], field) for field in requires], schema=requires)


def tensors_of(outputs: pa.RecordBatch, names: Sequence[str] | None = None) -> list[Tensor]:
    """Some of the columns, or all. Raises InvalidRows for a name that the model does not give."""
    if unknown := set(names or ()) - set(outputs.schema.names):
        raise InvalidRows(f"the model gives {', '.join(outputs.schema.names)}, and not {', '.join(sorted(unknown))}")
    return [_tensor(name, outputs.column(name)) for name in names or outputs.schema.names]


def described(schema: pa.Schema) -> str:
    """For messages: `x FP64 [-1], v FP32 [-1, 3]`."""
    return ", ".join(f"{field.name} {datatype_of(field.type)} {list(shape_of(field.type, -1))}" for field in schema)


def _tensor(name: str, column: pa.Array) -> Tensor:
    values = column
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        values = (column.fill_null([None] * width) if column.null_count else column).flatten()
    return Tensor(name, shape_of(column.type, len(column)), values)


def _column(tensor: Tensor, field: pa.Field) -> pa.Array:
    rows, width = tensor.shape[0], math.prod(tensor.shape[1:])
    size = field.type.list_size if pa.types.is_fixed_size_list(field.type) else 1
    if width != size:
        raise InvalidRows(f"{tensor.name} has shape {list(tensor.shape)}, and the model reads {list(shape_of(field.type, -1))}")
    if not pa.types.is_fixed_size_list(field.type):
        return as_type(tensor.name, tensor.values, field.type)
    values = as_type(tensor.name, tensor.values, field.type.value_type)
    return pa.FixedSizeListArray.from_arrays(values, size) if rows else pa.array([], field.type)


def _is_matrix(tensor: Tensor, requires: pa.Schema) -> bool:
    return tensor.name not in requires.names and (len(requires) == 1 or len(tensor.shape) == 2)


def _from_matrix(tensor: Tensor, requires: pa.Schema) -> pa.RecordBatch:
    """One tensor for every column; with a single column, whatever name the tensor has."""
    if len(requires) == 1:
        return pa.RecordBatch.from_arrays([_column(tensor, requires.field(0))], schema=requires)
    if tensor.shape[1] != len(requires) or any(pa.types.is_fixed_size_list(kind) for kind in requires.types):
        raise InvalidRows(f"{tensor.name} has shape {list(tensor.shape)}. The model reads {described(requires)}")
    width = len(requires)
    steps = pa.array(range(0, len(tensor.values), width), pa.int64())
    columns = [tensor.values.take(pc.add(steps, at)) for at in range(width)]
    return pa.RecordBatch.from_arrays(
        [as_type(field.name, column, field.type) for field, column in zip(requires, columns, strict=True)], schema=requires
    )
