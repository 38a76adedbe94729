"""Numbers and texts of a JSON array, by the type that is expected; nested arrays are laid flat."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from instream.errors import InvalidRows
from instream.wire.answered import Values
from instream.wire.columns import Column

_DEPTH_MAX = 8
_ARRAY_OF_ARRAYS = re.compile(rb"\s*\[\s*\[")
_FLOATS = msgspec.json.Decoder(list[float | None])
_INTEGERS = msgspec.json.Decoder(list[int])
_BOOLS = msgspec.json.Decoder(list[bool])
_TEXTS = msgspec.json.Decoder(list[str | None])
_ANY = msgspec.json.Decoder(list[Any])


def values_of(text: msgspec.Raw | bytes, kind: pa.DataType, name: str) -> Column:
    """A JSON array, flat.

    Raises:
        InvalidRows: it is none, or a value has another type or does not fit; says which was expected.
    """
    try:
        try:
            return _column(_decoder(kind).decode(text), kind)
        except msgspec.ValidationError:
            if not _nested(text):
                raise
            flat = msgspec.json.encode(_flat(_ANY.decode(text), 0))
            return _column(_decoder(kind).decode(flat), kind)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError, pa.ArrowException) as error:
        raise InvalidRows(f"{name}: expected an array of {kind}: {error}") from error


def to_list(values: Values) -> list[Any]:
    """For JSON, in which what is not finite becomes null; rows that are lists stay lists."""
    return values if isinstance(values, list) else values.tolist()


def _decoder(kind: pa.DataType) -> msgspec.json.Decoder[list[Any]]:
    if pa.types.is_floating(kind):
        return _FLOATS
    if pa.types.is_integer(kind):
        return _INTEGERS
    return _BOOLS if pa.types.is_boolean(kind) else _TEXTS


def _column(values: list[Any], kind: pa.DataType) -> Column:
    if pa.types.is_string(kind):
        return pa.array(values, kind)
    return np.array(values, kind.to_pandas_dtype())  # a null becomes NaN, which is a missing value


def _nested(text: msgspec.Raw | bytes) -> bool:
    return _ARRAY_OF_ARRAYS.match(memoryview(text)) is not None


def _flat(values: list[Any], depth: int) -> list[Any]:
    if depth > _DEPTH_MAX:
        raise ValueError(f"nested more than {_DEPTH_MAX} deep")
    if not any(isinstance(value, list) for value in values):
        return values
    widths = {len(value) if isinstance(value, list) else -1 for value in values}
    if len(widths) > 1 or -1 in widths:
        raise ValueError("rows of different lengths")
    return [leaf for value in values for leaf in _flat(value, depth + 1)]
