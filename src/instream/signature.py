"""What goes into a model and what comes out: names, Arrow types, nullability, known categories."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
import pyarrow as pa

from instream.errors import PackageError

_SCALARS: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
}
_NAMES: Mapping[pa.DataType, str] = {kind: name for name, kind in _SCALARS.items()}
_LIST = re.compile(r"(\w+)\[(\d{1,7})\]")

Category = str | int | float | bool


def type_from(text: str) -> pa.DataType:
    """Read a type as it is written in manifests and pipeline files.

    >>> type_from("float64")
    DataType(double)
    >>> type_from("float32[3]").list_size
    3
    """
    if text in _SCALARS:
        return _SCALARS[text]
    found = _LIST.fullmatch(text)
    if found and found[1] in _SCALARS:
        return pa.list_(_SCALARS[found[1]], int(found[2]))
    raise PackageError(f"unknown type {text!r}: expected one of {', '.join(_SCALARS)}, or a list such as float64[8]")


def type_text(kind: pa.DataType) -> str:
    """Write a type as `type_from` reads it."""
    if pa.types.is_fixed_size_list(kind) and kind.value_type in _NAMES:
        return f"{_NAMES[kind.value_type]}[{kind.list_size}]"
    if kind in _NAMES:
        return _NAMES[kind]
    raise PackageError(f"type {kind} cannot be used: expected one of {', '.join(_SCALARS)}, or a fixed-size list of them")


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column.

    Attributes:
        type: as `type_from` reads it.
        nullable: an input that may be null; an output that may be null or not finite.
        categories: known values of an input; for a probability list, the class of each position.
    """

    name: str
    type: str
    nullable: bool = False
    categories: tuple[Category, ...] | None = None

    @property
    def arrow(self) -> pa.Field:
        return pa.field(self.name, type_from(self.type), nullable=self.nullable)


class Signature(msgspec.Struct, frozen=True):
    """Inputs and outputs of a model, in order."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]

    @property
    def requires(self) -> pa.Schema:
        return schema_of(self.inputs)

    @property
    def produces(self) -> pa.Schema:
        return schema_of(self.outputs)


def schema_of(fields: tuple[Field, ...]) -> pa.Schema:
    """The Arrow schema of some fields, in their order."""
    return pa.schema([field.arrow for field in fields])


def fields_of(schema: pa.Schema) -> tuple[Field, ...]:
    """Fields as a schema has them, without categories."""
    return tuple(Field(field.name, type_text(field.type), field.nullable) for field in schema)
