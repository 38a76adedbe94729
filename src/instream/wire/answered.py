"""A prediction shared by the requests whose rows were scored together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from instream.errors import InvalidRows
from instream.lists import items
from instream.predictor import Prediction
from instream.wire.inputs import datatype_of, item_of

_ROWS_TOLD = 3

Values = npt.NDArray[Any] | list[str | None]


class Output(msgspec.Struct, frozen=True, gc=False):
    """One output column, by row.

    Attributes:
        datatype: as Open Inference calls it.
        item: the type of one value.
    """

    name: str
    datatype: str
    item: pa.DataType
    values: Values

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape if isinstance(self.values, np.ndarray) else (len(self.values),)


class Whole:
    """A prediction; what several requests need of it is made once."""

    def __init__(self, prediction: Prediction) -> None:
        self.prediction = prediction

    @cached_property
    def versions(self) -> npt.NDArray[np.int32]:
        """Which version scored each row."""
        return np.asarray(self.prediction.stamps.column("version").to_numpy(zero_copy_only=False))

    @cached_property
    def outputs(self) -> dict[str, Output]:
        """By name; what is null is NaN, 0 or None."""
        outputs = self.prediction.outputs
        return {name: _output(name, column) for name, column in zip(outputs.schema.names, outputs.columns, strict=True)}


class Answered(msgspec.Struct, frozen=True, gc=False):
    """The part of one request: so many rows from `start` on."""

    name: str
    whole: Whole
    start: int
    rows: int

    @property
    def version(self) -> int:
        """Of its first row, for protocols that know one; 0 without rows."""
        return int(self.whole.versions[self.start]) if self.rows else 0

    @property
    def head(self) -> int:
        return self.whole.prediction.head

    @property
    def prediction(self) -> Prediction:
        whole = self.whole.prediction
        return whole if self.rows == len(whole) else whole.slice(self.start, self.rows)

    def outputs(self, names: Sequence[str] | None = None) -> list[Output]:
        """Some outputs or all, for protocols in which one row that fails fails its request.

        Raises:
            InvalidRows: a row failed, or the model has no such output; says which.
        """
        if len(self.whole.prediction.failures):
            self._check_rows()
        known, end = self.whole.outputs, self.start + self.rows
        if unknown := [name for name in names or () if name not in known]:
            raise InvalidRows(f"the model gives {', '.join(known)}, and not {', '.join(unknown)}")
        wanted = known.values() if names is None else [known[name] for name in names]
        return [Output(each.name, each.datatype, each.item, each.values[self.start : end]) for each in wanted]

    def _check_rows(self) -> None:
        failures = self.prediction.failures
        if not len(failures):
            return
        told = [
            f"row {row}: {code}" + (f": {message}" if message else "")
            for row, code, message in zip(failures.rows[:_ROWS_TOLD].tolist(), failures.codes, failures.messages, strict=False)
        ]
        more = f", and {len(failures) - _ROWS_TOLD} rows more" if len(failures) > _ROWS_TOLD else ""
        raise InvalidRows(f"{'; '.join(told)}{more}")


def _output(name: str, column: pa.Array) -> Output:
    return Output(name, datatype_of(column.type), item_of(column.type), _values(column))


def _values(column: pa.Array) -> Values:
    kind = column.type
    if not pa.types.is_fixed_size_list(kind):
        return _flat(column)
    rows, width = len(column), kind.list_size
    filled = column.fill_null([None] * width) if column.null_count else column
    flat = _flat(items(filled))
    return np.array(flat, object).reshape(rows, width) if isinstance(flat, list) else flat.reshape(rows, width)


def _flat(column: pa.Array) -> Values:
    if pa.types.is_string(column.type):
        return column.to_pylist()  # type: ignore[no-any-return]
    if column.null_count and not pa.types.is_floating(column.type):
        column = column.fill_null(False if pa.types.is_boolean(column.type) else 0)  # of rows that failed: never shown
    return np.asarray(column.to_numpy(zero_copy_only=False))
