"""What a keyed model reads: columns of the key and features, their names and types found out as estimators come."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from instream.errors import ConversionRefused, SettingsInvalid
from instream.key import Key, Part
from instream.publishing.keyed.extracted import Extracted
from instream.publishing.sample import type_of
from instream.signature import Field

_TYPES: dict[type, str] = {str: "string", int: "int64", bool: "bool"}
_INT64 = range(-(2**63), 2**63)


class Inputs:
    """Types come from the sample where it has the column; else parts of keys tell theirs, and features are float64."""

    def __init__(self, key: Sequence[str], sample: pa.RecordBatch | None) -> None:
        """Raises SettingsInvalid for names that cannot be a key; ConversionRefused for types that cannot."""
        if not key or isinstance(key, str) or len(set(key)) != len(key) or not all(isinstance(name, str) and name for name in key):
            raise SettingsInvalid(f'key = {key!r}: names of one column or more were expected, such as ["origin", "dest"]')
        self.key = tuple(key)
        self.names: tuple[str, ...] = ()  # of the features
        self._sample = sample
        there = () if sample is None else tuple(sample.schema.names)
        self._kinds: list[type | None] = [_kind(sample, name) for name in self.key]
        self._others = tuple(name for name in there if name not in self.key)
        self._given: tuple[str, ...] | None = None
        self._none_yet = True

    def key_of(self, given: Any) -> Key:
        """A key as plain values, its columns of one type each. Raises ConversionRefused, naming it."""
        parts = tuple(given) if isinstance(given, tuple | list) else (given,)
        key = tuple(map(_plain, parts))
        if not key:
            raise ConversionRefused("a key without a column: give such a model as default=")
        columns = ", ".join(self.key)
        if len(key) > len(self.key):
            raise ConversionRefused(f"key {shown(key)}: it has {len(key)} parts; the columns of the key are {columns}")
        if len(self.key) > 1 and not isinstance(given, tuple | list):
            raise ConversionRefused(f"key {given!r}: a tuple of values for {columns} was expected; it may have fewer, from the first on")
        for at, part in enumerate(key):
            if part is None:
                continue
            kind = self._kinds[at] = self._kinds[at] or type(part)
            if type(part) is not kind or kind not in _TYPES:
                raise ConversionRefused(
                    f"key {shown(key)}: {self.key[at]} is {type(part).__name__}; "
                    + (f"it is {kind.__name__} in the sample or in other keys" if kind in _TYPES else "it can be str, int or bool")
                )
            if kind is int and part not in _INT64:
                raise ConversionRefused(f"key {shown(key)}: {self.key[at]} does not fit 64 bits")
        return key

    def require_same(self, found: Extracted) -> None:
        """Note the features of the first estimator, and raise ConversionRefused where another one has others."""
        if self._none_yet:
            self.names = self._first_names(found)
            self._given, self._none_yet = found.names, False
        if found.names != self._given or found.architecture.features != len(self.names):
            raise ConversionRefused(
                f"it reads {_listed(found.names, found.architecture.features)}; the estimators before it read "
                f"{_listed(self._given, len(self.names))}: all have to read the same features in one order"
            )

    def _first_names(self, found: Extracted) -> tuple[str, ...]:
        count = found.architecture.features
        names = found.names or (self._others if self._sample is not None else tuple(f"x{at}" for at in range(count)))
        if absent := [name for name in names if self._sample is not None and name not in self._sample.schema.names]:
            raise ConversionRefused(f"it reads {', '.join(absent)}, which the sample does not have")
        if len(names) != count:
            raise ConversionRefused(
                f"it reads {count} features; the sample has {len(names)} columns that are not of the key: {', '.join(names)}"
            )
        for name in names:
            if not _is_number(type_ := self._type(name)):
                raise ConversionRefused(f"feature {name} is {type_} in the sample; numbers and booleans can be features")
        return tuple(names)

    def _type(self, name: str) -> str:
        if self._sample is None or name not in self._sample.schema.names:
            return "float64"
        return type_of(name, self._sample.schema.field(name).type)

    def features(self, missing: bool = True) -> tuple[Field, ...]:
        """Once the first estimator was seen. `missing`: whether they may be null."""
        return tuple(Field(name, self._type(name), missing) for name in self.names)

    def fields(self, missing: bool) -> tuple[Field, ...]:
        """Inputs of the signature.

        Args:
            missing: whether features may be null. A part of a key always may.
        Raises:
            ConversionRefused: nothing tells the type of a column of the key.
        """
        fields = {field.name: field for field in self.features(missing)}
        for name, kind in zip(self.key, self._kinds, strict=True):
            if kind is None:
                raise ConversionRefused(f"no key has a value of {name}, so its type is not known: give a sample that has the column")
            if name not in fields:
                fields[name] = Field(name, _TYPES[kind], nullable=True)
            elif kind is str:
                raise ConversionRefused(f"{name} is a feature and a text of the key; numbers and booleans can be features")
        order = dict.fromkeys((*self.key, *self.names))
        return tuple(fields[name] for name in order)


def shown(key: Key) -> str:
    """A key in messages: `("JFK", 7)`."""
    parts = ", ".join(json.dumps(part, ensure_ascii=False, default=repr) for part in key)
    return f"({parts.encode(errors='backslashreplace').decode()})"


def _plain(part: Any) -> Part:
    """numpy's scalars as Python's, and what pandas has for missing values as None."""
    if isinstance(part, np.generic):
        part = part.item()
    if part is None or type(part).__name__ in ("NAType", "NaTType") or (isinstance(part, float) and math.isnan(part)):
        return None
    return part  # type: ignore[no-any-return]


def _kind(sample: pa.RecordBatch | None, name: str) -> type | None:
    """What parts of keys in a column are, as far as the sample tells."""
    if sample is None or name not in sample.schema.names or pa.types.is_null(type_ := sample.schema.field(name).type):
        return None
    if pa.types.is_string(type_) or pa.types.is_boolean(type_):
        return str if pa.types.is_string(type_) else bool
    if pa.types.is_integer(type_):
        return int
    raise ConversionRefused(f"key column {name} is {type_} in the sample; texts, whole numbers and booleans can be part of a key")


def _is_number(type_: str) -> bool:
    return type_ == "bool" or type_.rstrip("0123456789") in ("int", "uint", "float")


def _listed(names: Sequence[str] | None, count: int) -> str:
    return f"{count} features without names" if names is None else ", ".join(names)
