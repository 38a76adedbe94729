"""Bytes of records to columns, and columns to bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import msgspec
import pyarrow as pa

from instream.failures import Failures, Rows

EchoColumn: TypeAlias = Sequence[msgspec.Raw] | pa.Array
"""A field copied to the output: JSON texts from a JSON codec, an array from a columnar one."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Columns of the records that could be decoded.

    Attributes:
        batch: one row a good record, with the fields that were asked for.
        rows: int32, for each row of `batch` the record that it came from; strictly increasing.
        failures: records that could not be decoded.
        echo: a column for each echo field, aligned with `batch`.
    """

    batch: pa.RecordBatch
    rows: Rows
    failures: Failures
    echo: Sequence[EchoColumn]


class Decoder(Protocol):
    """Made for one set of fields; knows no broker."""

    def decode(self, values: Sequence[bytes | None]) -> Decoded: ...


class Encoder(Protocol):
    """Made for one set of columns."""

    def encode(self, echo: Sequence[EchoColumn], columns: pa.RecordBatch) -> Sequence[bytes | None]:
        """One value a row: echo fields first, then the columns, by name. Null is written as null."""
        ...
