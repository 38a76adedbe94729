"""A matrix in which categories stand as their positions: what boosters eat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy.typing as npt

from instream.formats.chain import known_values
from instream.formats.columns import Array, codes, matrix
from instream.formats.protocol import Value
from instream.package import Step
from instream.signature import Signature

CATEGORICAL = "categorical"
"""Step option: columns whose values become their place among the signature's categories, NaN for null and all others."""


class CodedMatrix:
    """Columns of the step's one input, side by side: shape (rows, k)."""

    def __init__(self, step: Step, signature: Signature, dtype: npt.DTypeLike) -> None:
        fields = {field.name: field for field in signature.inputs}
        named = step.options.get(CATEGORICAL, ())
        self._columns = next(iter(step.inputs.values()))
        self._known = {name: known_values(fields[name]) for name in (named if isinstance(named, tuple) else ())}
        self._dtype = dtype

    def __call__(self, columns: Mapping[str, Value], rows: int) -> Array:
        if self._known:
            columns = {**columns, **{name: codes(columns[name], known) for name, known in self._known.items()}}
        return matrix(columns, self._columns, self._dtype, rows)
