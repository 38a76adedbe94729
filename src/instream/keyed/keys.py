"""The keys of a batch: distinct ones, and which each row has."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from instream.errors import InvalidRows
from instream.key import Part, key_of, text_of
from instream.keyed.words import Layout

Codes = npt.NDArray[np.int64]

_KINDS: dict[str, type] = {"string": str, "int64": int, "int32": int, "int16": int, "int8": int, "bool": bool}


class KeyColumns:
    """The columns of a keyed package's key, in order.

    Inside a process a key is its bare value where there is one column, else a tuple; shorter tuples are keys of fewer
    columns. The type of each column is fixed, so `1` and `True`, which Python takes for the same, cannot meet.
    """

    def __init__(self, types: Sequence[pa.DataType]) -> None:
        self._kinds = tuple(_kind(each) for each in types)
        self.layout = Layout(self._kinds)

    def distinct(self, columns: Sequence[pa.Array]) -> tuple[list[Any], Codes]:
        """Distinct keys of a batch, and for each row the position of its own: shape (n,)."""
        values, codes = _encoded(columns[0], self._kinds[0])
        if len(columns) == 1:
            return values, codes
        keys: list[tuple[Any, ...]] = [(value,) for value in values]
        for column, kind in zip(columns[1:], self._kinds[1:], strict=True):
            values, each = _encoded(column, kind)
            pairs = pa.array(codes * len(values) + each).dictionary_encode()  # both are dense: no overflow
            left, right = np.divmod(pairs.dictionary.to_numpy(), max(len(values), 1))
            keys = [(*keys[at], values[place]) for at, place in zip(left.tolist(), right.tolist(), strict=True)]
            codes = pairs.indices.to_numpy().astype(np.int64)
        return keys, codes

    def shorter(self, key: Any) -> Hashable | None:
        """The key with one column less; None where none is left."""
        return key[:-1] if isinstance(key, tuple) and len(key) > 1 else None

    def text(self, key: Any) -> str:
        """The canonical text of a key. Raises InvalidRows where it is too long."""
        return text_of(key if isinstance(key, tuple) else (key,))

    def read(self, text: str) -> Hashable | None:
        """The key that has a text; None where these columns cannot have it."""
        try:
            key = key_of(text)
        except InvalidRows:
            return None
        if not 1 <= len(key) <= len(self._kinds) or not all(map(_fits, key, self._kinds)):
            return None
        return key if len(self._kinds) > 1 else key[0]


def _fits(part: Part, kind: type) -> bool:
    return part is None or type(part) is kind


def _kind(type_: pa.DataType) -> type:
    if (kind := _KINDS.get(str(type_))) is None:
        raise InvalidRows(f"a column of type {type_} cannot be part of a key: texts, whole numbers to int64 and booleans can")
    return kind


def _encoded(column: pa.Array, kind: type) -> tuple[list[Any], Codes]:
    """Distinct values, with None for null, and the place of each row's own among them."""
    encoded = (column.cast(pa.int8()) if kind is bool else column).dictionary_encode()
    values = encoded.dictionary.to_numpy(zero_copy_only=False).tolist()
    if kind is bool:
        values = [value == 1 for value in values]
    if not encoded.null_count:
        return values, encoded.indices.to_numpy().astype(np.int64)
    codes = encoded.indices.fill_null(len(values)).to_numpy().astype(np.int64)
    return [*values, None], codes
