"""Record batches in, record batches out: no row is ever text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from instream.codecs.arrow_cast import Cast, cast_for
from instream.codecs.fields import Echo, Field, Tokens, tokens_of
from instream.codecs.protocol import Decoded, EchoColumn
from instream.errors import SourceFailed
from instream.failures import Code, failures_of
from instream.rows import ArrowRows
from instream.signature import type_text

Fault = tuple[int, Code, str]


def decoder(fields: Sequence[Field], echo: Sequence[Echo], record_bytes_max: int) -> ArrowDecoder:
    """See `registry.decoder`. A row of a columnar file has no bytes of its own: no limit applies to it."""
    return ArrowDecoder(fields, echo)


def encoder(echo: Sequence[Echo], schema: pa.Schema) -> ArrowEncoder:
    """See `registry.encoder`."""
    return ArrowEncoder([*(each.name for each in echo), *schema.names])


class ArrowDecoder:
    """Picks and casts columns. A column that cannot be cast at all stops the source; a value that cannot, fails alone."""

    def __init__(self, fields: Sequence[Field], echo: Sequence[Echo]) -> None:
        self._fields = [(field, tokens_of(field.pointer)) for field in fields]
        self._echo = [(each, tokens_of(each.pointer)) for each in echo]
        self._schema = pa.schema([pa.field(f.name, f.type, f.nullable) for f in fields])

    def decode(self, values: Sequence[bytes | None]) -> Decoded:
        """See `protocol.Decoder`. Raises SourceFailed when a column is missing or of a type that cannot be read."""
        if not isinstance(values, ArrowRows):
            raise SourceFailed("this source gives texts and not columns: its format is json")
        faults: list[Fault] = [(row, Code.EMPTY, "no value") for row, there in enumerate(values.present or ()) if not there]
        columns = []
        for field, tokens in self._fields:
            cast = self._cast(field, tokens, values.batch)
            columns.append(cast.column)
            faults += _faults(field, cast)
        echo = [_column(values.batch, tokens, str(each)) for each, tokens in self._echo]
        batch, failures = pa.RecordBatch.from_arrays(columns, schema=self._schema), failures_of(faults)
        rows = np.arange(len(values), dtype=np.int32)
        if not len(failures):
            return Decoded(batch, rows, failures, echo)
        rows = np.delete(rows, failures.rows)
        index = pa.array(rows)
        return Decoded(batch.take(index), rows, failures, [column.take(index) for column in echo])

    def _cast(self, field: Field, tokens: Tokens, batch: pa.RecordBatch) -> Cast:
        column = _column(batch, tokens, str(field))
        cast = cast_for(column.type, field.type)
        if cast is None:
            raise SourceFailed(
                f"{field}: expected {field.type}, the source's column is {column.type}: say the column's type in [source.fields]"
            )
        return cast(column)


class ArrowEncoder:
    """Puts columns beside each other."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def encode(self, echo: Sequence[EchoColumn], columns: pa.RecordBatch) -> ArrowRows:
        """See `protocol.Encoder`."""
        return ArrowRows(pa.RecordBatch.from_arrays([*echo, *columns.columns], names=list(self._names)))


def _column(batch: pa.RecordBatch, tokens: Tokens, label: str) -> pa.Array:
    at = batch.schema.get_field_index(tokens[0])
    if at < 0:
        raise SourceFailed(f"{label}: the source has no column {tokens[0]}; it has {', '.join(batch.schema.names)}")
    column = batch.column(at)
    for token in tokens[1:]:
        if not pa.types.is_struct(column.type) or column.type.get_field_index(token) < 0:
            raise SourceFailed(f"{label}: the source's column {tokens[0]} is {column.type} and has no field {token}")
        column = pc.struct_field(column, token)
    return column


def _faults(field: Field, cast: Cast) -> list[Fault]:
    """Rows without a value that the field can have. NaN is how numpy and pandas write a missing number."""
    missing = None if field.nullable or not cast.column.null_count else _rows(cast.column.is_null().to_numpy(zero_copy_only=False))
    expected = type_text(field.type)
    faults: list[Fault] = [
        (row, Code.OUT_OF_RANGE, f"{field}: expected {expected}, got a value that it cannot hold") for row in _rows(cast.unfit)
    ]
    if not field.nullable:
        faults += [(row, Code.OUT_OF_RANGE, f"{field}: expected {expected}, got NaN") for row in _rows(cast.nan)]
    return faults + [(row, Code.NULL, f"{field}: expected {expected}, got null") for row in missing or ()]


def _rows(mask: npt.NDArray[np.bool_]) -> list[int]:
    return np.flatnonzero(mask).tolist()
