"""The sample's rows by key: some for each, for the proof of its own estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from instream.key import Key
from instream.keyed.columns import rows_of
from instream.keyed.keys import KeyColumns
from instream.keyed.link import Array


class Sampled:
    """Rows of numbers, found by key or by the first columns of one."""

    def __init__(self, sample: pa.RecordBatch, key: Sequence[str], features: Sequence[str]) -> None:
        self._rows = rows_of([sample.column(name) for name in features])
        columns = [_of_key(sample.column(name)) for name in key if name in sample.schema.names]
        depths = len(columns) if len(columns) == len(key) else 0
        self._places = [_places(columns[: depth + 1]) for depth in range(depths)]

    def rows(self, key: Key, count: int, missing: bool) -> Array:
        """At most so many rows of a key, or of any where it has none here: shape (n, features).

        Args:
            missing: whether values may be NaN.
        """
        own = self._places[len(key) - 1].get(key) if 0 < len(key) <= len(self._places) else None
        places = np.arange(len(self._rows)) if own is None else own
        rows = self._rows[evenly(places, 2 * count)]
        usable = (np.isfinite(rows) | (np.isnan(rows) & missing)).all(axis=1)
        return np.asarray(rows[evenly(np.flatnonzero(usable), count)])


def evenly(places: Array, count: int) -> Array:
    """At most so many of some places, first and last among them."""
    if len(places) <= count:
        return places
    return np.asarray(places[np.linspace(0, len(places) - 1, count).astype(np.intp)])


def _of_key(column: pa.Array) -> pa.Array:
    return column.cast(pa.int64()) if pa.types.is_integer(column.type) else column


def _places(columns: Sequence[pa.Array]) -> Mapping[Key, Array]:
    """The rows of each distinct key."""
    keys, codes = KeyColumns([column.type for column in columns]).distinct(columns)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(keys)))
    tuples: list[Any] = [key if isinstance(key, tuple) else (key,) for key in keys]
    return {key: order[start:end] for key, start, end in zip(tuples, (0, *ends), ends, strict=False)}
