"""What a model reads, looked at once and not with every request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec
import pyarrow as pa

from instream.errors import InvalidRows

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

Family = Literal["number", "bool", "text"]


class Input(msgspec.Struct, frozen=True):
    """One column.

    Attributes:
        size: of its lists; None for one value a row.
        item: the type of one value.
    """

    name: str
    kind: pa.DataType
    size: int | None
    item: pa.DataType
    family: Family

    @property
    def width(self) -> int:
        """Values a row."""
        return 1 if self.size is None else self.size


class Inputs:
    """The columns of a model, in the order of its signature."""

    def __init__(self, requires: pa.Schema) -> None:
        self.schema = requires
        self.fields = tuple(_input(field) for field in requires)
        self.by_name = {field.name: field for field in self.fields}

    def __str__(self) -> str:
        return described(self.schema)


def item_of(kind: pa.DataType) -> pa.DataType:
    """The type of one value: of the column, or of what is in its lists."""
    return kind.value_type if pa.types.is_fixed_size_list(kind) else kind


def datatype_of(kind: pa.DataType) -> str:
    """How Open Inference calls the type of a column, or of what is in its lists."""
    return _NAMES[item_of(kind)]


def shape_of(kind: pa.DataType, rows: int) -> tuple[int, ...]:
    """The shape in which a column is a tensor."""
    return (rows, kind.list_size) if pa.types.is_fixed_size_list(kind) else (rows,)


def described(schema: pa.Schema) -> str:
    """For messages: `x FP64 [-1], v FP32 [-1, 3]`."""
    return ", ".join(f"{field.name} {datatype_of(field.type)} {list(shape_of(field.type, -1))}" for field in schema)


def check_family(name: str, given: Family, wanted: Input) -> None:
    """Raises InvalidRows: text is no number, and a bool is none either."""
    if given != wanted.family:
        raise InvalidRows(f"{name}: the model reads {wanted.item}, and the request has a {given}")


def _input(field: pa.Field) -> Input:
    item = item_of(field.type)
    family: Family = "text" if pa.types.is_string(item) else "bool" if pa.types.is_boolean(item) else "number"
    size = field.type.list_size if pa.types.is_fixed_size_list(field.type) else None
    return Input(field.name, field.type, size, item, family)
