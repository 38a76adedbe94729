"""Rows that could not be scored, as columns: which, why, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt


class Code(StrEnum):
    """Why a row has no output: a closed set, so that it can be a metric's label."""

    EMPTY = "empty"  # no value at all: a tombstone
    TOO_LARGE = "too_large"  # over limits.record_bytes
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"  # truncated, two objects, no object
    MISSING = "missing"  # a field is absent that must be there
    NULL = "null"  # a field is null that must not be
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"  # an integer that its type cannot hold, NaN or infinity where numbers are expected
    FEATURES = "features_failed"
    SCORE = "score_failed"
    NOT_FINITE = "not_finite"  # the model gave NaN or infinity
    NO_MODEL = "no_model"  # a keyed package has nothing for the row's key
    ENCODE = "encode_failed"
    FILTERED = "filtered"  # left out on purpose by a feature step; never a dead letter


Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Failures:
    """Parallel columns.

    Attributes:
        rows: int32, shape (n,), strictly increasing.
        codes, messages: length n.
    """

    rows: Rows
    codes: Sequence[Code]
    messages: Sequence[str]

    def __len__(self) -> int:
        return len(self.rows)

    def texts(self, rows: int) -> list[str | None]:
        """`code: message` at the place of each, of so many rows; None between."""
        found: list[str | None] = [None] * rows
        for row, code, message in zip(self.rows.tolist(), self.codes, self.messages, strict=True):
            found[row] = f"{code}: {message}"
        return found

    def at(self, rows: Rows) -> Failures:
        """The same failures, with row i of here called rows[i]: from a part's numbering to the whole's."""
        return Failures(rows[self.rows], self.codes, self.messages)

    def without(self, code: Code) -> tuple[Failures, Rows]:
        """Split off one code: the rest, and the rows that had it."""
        is_code = np.fromiter((each == code for each in self.codes), bool, len(self.codes))
        if not is_code.any():
            return self, np.empty(0, np.int32)
        kept = np.flatnonzero(~is_code).tolist()
        return Failures(self.rows[kept], [self.codes[i] for i in kept], [self.messages[i] for i in kept]), self.rows[is_code]


NONE = Failures(np.empty(0, np.int32), (), ())


def failures_of(rows: Iterable[tuple[int, Code, str]]) -> Failures:
    """Columns from (row, code, message) in any order; the first of two for one row wins."""
    found: dict[int, tuple[Code, str]] = {}
    for row, code, message in rows:
        found.setdefault(row, (code, message))
    if not found:
        return NONE
    ordered = sorted(found)
    return Failures(np.array(ordered, np.int32), [found[row][0] for row in ordered], [found[row][1] for row in ordered])


def merge(*parts: Failures) -> Failures:
    """One list of failures, by row; of two for one row the earlier part's wins."""
    some = [part for part in parts if len(part)]
    if len(some) <= 1:
        return some[0] if some else NONE
    return failures_of(
        (int(row), code, message) for part in some for row, code, message in zip(part.rows, part.codes, part.messages, strict=True)
    )
