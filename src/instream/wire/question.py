"""What every protocol makes of a request: rows to score, and a way to say the answer in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from instream.errors import InvalidRows
from instream.predictor import Prediction

_ROWS_TOLD = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """A body, and what its headers must say of it."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """The prediction for one request, and by what it was made."""

    name: str
    version: int
    prediction: Prediction


class Question(Protocol):
    """A request that was read."""

    @property
    def batch(self) -> pa.RecordBatch:
        """The columns that the model reads, with their types."""
        ...

    def answer(self, answered: Answered) -> Reply:
        """Raises InvalidRows where the protocol knows no failed rows and there is one."""
        ...


def all_or_nothing(prediction: Prediction) -> pa.RecordBatch:
    """The outputs, for protocols in which one row that fails fails its request. Raises InvalidRows, naming the rows."""
    failures = prediction.failures
    if len(failures):
        told = [
            f"row {row}: {code}" + (f": {message}" if message else "")
            for row, code, message in zip(failures.rows[:_ROWS_TOLD].tolist(), failures.codes, failures.messages, strict=False)
        ]
        more = f", and {len(failures) - _ROWS_TOLD} rows more" if len(failures) > _ROWS_TOLD else ""
        raise InvalidRows(f"{'; '.join(told)}{more}")
    return prediction.outputs
