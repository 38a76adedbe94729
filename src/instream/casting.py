"""Values that somebody gave, as the type that a model reads: converted where their meaning stays, else refused."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from instream.errors import InvalidRows

_REFUSED = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, TypeError, OverflowError)


def as_type(name: str, given: Any, kind: pa.DataType) -> pa.Array:
    """A column of one type; NaN is a missing value, as in pandas and in JSON.

    Args:
        name: for messages.
        given: a list, an Arrow array or what Arrow makes one of.
    Raises:
        InvalidRows: a value has another type, or does not fit.
    """
    try:
        return _cast(given, kind)
    except _REFUSED as error:
        raise InvalidRows(f"column {name}: expected {kind}: {error}") from error


def _cast(given: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(given, list):
        array = pa.array(given, type=kind, from_pandas=True)
    else:
        array = given if isinstance(given, pa.Array | pa.ChunkedArray) else pa.Array.from_pandas(given)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_floating(array.type) and array.type != kind:
        array = _without_nan(array)
    if array.type != kind:
        if not _alike(array.type, kind):
            raise TypeError(f"got {array.type}")
        array = array.cast(kind)
    return _without_nan(array) if pa.types.is_floating(kind) else array


def _without_nan(array: pa.Array) -> pa.Array:
    missing = pc.is_nan(array)
    return pc.if_else(missing, pa.scalar(None, array.type), array) if pc.any(missing).as_py() else array


def _alike(given: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values can be taken over without a change of meaning; 3 does not become "3"."""
    if pa.types.is_dictionary(given):
        return _alike(given.value_type, wanted)
    if pa.types.is_null(given):
        return True
    families = (_is_number, pa.types.is_boolean, _is_text, _is_list)
    return any(family(given) and family(wanted) for family in families)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return str(kind) in ("string", "large_string", "string_view")


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))
