"""A column of a columnar source as the type that a model wants, with the rows whose value does not fit.

What JSON allows is allowed here: integers for floats, a float64 for a float32. A float is no integer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from instream.codecs.layout import bounds

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cast:
    """A column in its new type, null where it does not fit.

    Attributes:
        unfit: bool, rows whose value the type cannot hold: out of range, infinite, a list of another length.
        nan: bool, rows that are NaN; null in `column`.
    """

    column: pa.Array
    unfit: Mask
    nan: Mask


Caster = Callable[[pa.Array], Cast]


def cast_for(found: pa.DataType, wanted: pa.DataType) -> Caster | None:
    """How to cast one type to another; None when no value of it could ever fit."""
    if pa.types.is_dictionary(found):
        inner = cast_for(found.value_type, wanted)
        return None if inner is None else lambda column: inner(column.dictionary_decode())
    if pa.types.is_null(found):
        return lambda column: _plain(pa.nulls(len(column), wanted))
    if pa.types.is_fixed_size_list(wanted):
        lists = pa.types.is_list(found) or pa.types.is_large_list(found) or pa.types.is_fixed_size_list(found)
        element = cast_for(found.value_type, wanted.value_type) if lists else None
        return None if element is None else lambda column: _to_lists(column, wanted, element)
    if pa.types.is_floating(wanted) and (pa.types.is_floating(found) or pa.types.is_integer(found)):
        return lambda column: _to_float(column, wanted)
    if pa.types.is_integer(wanted) and pa.types.is_integer(found):
        return lambda column: _to_integer(column, wanted)
    if found == wanted or (pa.types.is_string(wanted) and (pa.types.is_large_string(found) or pa.types.is_string_view(found))):
        return lambda column: _plain(pc.cast(column, wanted))
    return None


def _plain(column: pa.Array) -> Cast:
    nowhere = np.zeros(len(column), bool)
    return Cast(column, nowhere, nowhere)


def _to_float(column: pa.Array, wanted: pa.DataType) -> Cast:
    floats = pc.cast(column, wanted, safe=False)
    nan, infinite = _mask(pc.is_nan(floats)), _mask(pc.is_inf(floats))
    if nan.any() or infinite.any():
        floats = _nulled(floats, nan | infinite)
    return Cast(floats, infinite, nan)


def _to_integer(column: pa.Array, wanted: pa.DataType) -> Cast:
    try:
        return _plain(pc.cast(column, wanted))
    except pa.ArrowInvalid:
        low, high = bounds(wanted)
        unfit = np.array([value is not None and not low <= value <= high for value in column.to_pylist()])
        return Cast(pc.cast(_nulled(column, unfit), wanted), unfit, np.zeros(len(column), bool))


def _to_lists(column: pa.Array, wanted: pa.DataType, element: Caster) -> Cast:
    size = wanted.list_size
    there = _mask(pc.is_valid(column))
    fits = there & (_filled(pc.list_value_length(column), -1) == size)
    kept = np.flatnonzero(fits)
    cast = element(pc.list_flatten(column.take(pa.array(kept))))
    inner = (cast.unfit | _mask(pc.is_null(cast.column))).reshape(len(kept), size).any(axis=1)
    whole = pa.FixedSizeListArray.from_arrays(cast.column, size)
    place = np.zeros(len(column), np.int64)
    place[kept] = np.arange(len(kept))
    unfit = there & ~fits
    unfit[kept[inner]] = True
    lists = pc.cast(whole.take(pa.array(place, mask=~fits | unfit)), wanted)
    return Cast(lists, unfit, np.zeros(len(column), bool))


def _nulled(column: pa.Array, where: Mask) -> pa.Array:
    return pc.if_else(pa.array(where), pa.scalar(None, column.type), column)


def _mask(column: pa.Array) -> Mask:
    mask: Mask = _filled(column, False)
    return mask


def _filled(column: pa.Array, value: Any) -> npt.NDArray[Any]:
    filled: npt.NDArray[Any] = pc.fill_null(column, value).to_numpy(zero_copy_only=False)
    return filled
