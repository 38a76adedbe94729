"""Columns of a batch to what models eat, and back, with as few copies as there can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from instream.formats.protocol import Value
from instream.lists import items

Array = npt.NDArray[Any]


def numbers(column: Value) -> Array:
    """A column as numbers, null as NaN: shape (n,), or (n, k) for a list; no copy where Arrow's memory can be used."""
    if isinstance(column, np.ndarray):
        return column
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        if column.null_count:
            rows = numbers(items(column))
            filled = np.full((len(column), width), np.nan, rows.dtype if rows.dtype.kind == "f" else np.float64)
            filled[np.asarray(column.is_valid())] = rows.reshape(-1, width)
            return filled
        return numbers(items(column)).reshape(-1, width)
    if column.null_count and pa.types.is_boolean(column.type):
        column = column.cast(pa.float64())  # else numpy makes an object of each
    return np.asarray(column.to_numpy(zero_copy_only=False))


def matrix(columns: Mapping[str, Value], names: Sequence[str], dtype: npt.DTypeLike, rows: int) -> Array:
    """Several columns side by side: shape (rows, k), C order, null as NaN.

    Raises:
        ValueError: a null where `dtype` is no float, or a number that it cannot hold; names the column.
    """
    parts = [numbers(columns[name]) for name in names]
    if len(parts) == 1 and parts[0].dtype == dtype:
        return _packed(parts, dtype, rows)
    for name, part in zip(names, parts, strict=True):
        _check_whole(part, name, dtype)
    try:
        with np.errstate(over="raise"):  # as an infinity it would be answered, and wrongly
            return _packed(parts, dtype, rows)
    except FloatingPointError:
        raise ValueError(_too_large(names, parts, np.dtype(dtype))) from None


def _packed(parts: Sequence[Array], dtype: npt.DTypeLike, rows: int) -> Array:
    if len(parts) == 1:
        return np.ascontiguousarray(parts[0].reshape(rows, -1), dtype)
    packed = np.empty((rows, sum(1 if part.ndim == 1 else part.shape[1] for part in parts)), dtype)
    at = 0
    for part in parts:
        if part.ndim == 1:
            packed[:, at] = part  # converts as it copies
            at += 1
        else:
            packed[:, at : at + part.shape[1]] = part
            at += part.shape[1]
    return packed


def _too_large(names: Sequence[str], parts: Sequence[Array], dtype: np.dtype[Any]) -> str:
    for name, part in zip(names, parts, strict=True):
        if part.dtype.kind == "f" and np.nanmax(np.abs(np.where(np.isinf(part), 0, part))) > np.finfo(dtype).max:
            row = int(np.argmax(np.abs(np.where(np.isinf(part), 0, np.nan_to_num(part))).reshape(len(part), -1).max(axis=1)))
            return f"row {row}, {name}: {np.nanmax(np.abs(part[row])):g} is too large for {dtype}, which the model reads"
    return f"a number is too large for {dtype}, which the model reads"


def _check_whole(part: Array, name: str, dtype: npt.DTypeLike) -> None:
    if np.dtype(dtype).kind in "iub" and part.dtype.kind in "fO" and not np.isfinite(part.astype(np.float64)).all():
        raise ValueError(f"{name} has a null, and the model reads {np.dtype(dtype)}: it knows no missing values there")


def texts(columns: Mapping[str, Value], names: Sequence[str], null: str | None, rows: int) -> Array:
    """Text columns side by side: Python strings, shape (rows, k), null as `null`.

    Raises:
        ValueError: a null, and `null` is None; names the column.
    """
    packed = np.empty((rows, len(names)), object)
    for at, name in enumerate(names):
        column = columns[name]
        if isinstance(column, np.ndarray):
            packed[:, at] = column.reshape(rows)
        else:
            if column.null_count:
                if null is None:
                    raise ValueError(f"{name} has a null, and the model knows no missing texts")
                column = column.fill_null(null)
            packed[:, at] = column.to_numpy(zero_copy_only=False)
    return packed


def codes(column: Value, categories: pa.Array) -> Array:
    """Position of each value among the categories: float64, shape (n,); NaN for null and for what is not among them."""
    if isinstance(column, np.ndarray):
        column = pa.array(column)
    if pa.types.is_floating(categories.type):
        column = column.cast(categories.type, safe=False)
    elif column.type != categories.type:
        categories = categories.cast(column.type)
    return np.asarray(pc.index_in(column, value_set=categories).cast(pa.float64()).to_numpy(zero_copy_only=False))


def arrow(value: Value, name: str, kind: pa.DataType, rows: int) -> pa.Array:
    """A model's output as the signature wants it.

    Raises:
        ValueError: the model gave another shape than the signature says.
    """
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return value if value.type == kind else value.cast(kind)
    if pa.types.is_fixed_size_list(kind):
        flat = np.ascontiguousarray(value).reshape(-1)
        if flat.size != rows * kind.list_size:
            raise ValueError(f"{name}: the model gave shape {value.shape}, expected ({rows}, {kind.list_size})")
        return pa.FixedSizeListArray.from_arrays(scalars(flat, kind.value_type), kind.list_size)
    if value.size != rows:
        raise ValueError(f"{name}: the model gave shape {value.shape}, expected ({rows},)")
    return scalars(value.reshape(rows), kind)


def scalars(value: Array, kind: pa.DataType) -> pa.Array:
    """Values of shape (n,) as an Arrow array; numbers are not copied where the type is the same."""
    if pa.types.is_string(kind):
        return pa.array(value.tolist(), kind)
    return pa.array(np.ascontiguousarray(value, kind.to_pandas_dtype()), kind)
