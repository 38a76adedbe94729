"""A question in instream's own form, as the server reads it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from instream.casting import as_type
from instream.errors import InvalidRows
from instream.wire import native
from instream.wire.question import Answered, Reply


@dataclass(frozen=True, slots=True)
class NativeQuestion:
    """Satisfies Question; a row that fails is told and fails alone."""

    batch: pa.RecordBatch

    def answer(self, answered: Answered) -> Reply:
        return Reply(native.write_answer(answered.prediction), native.MEDIA_TYPE)


def read_question(body: bytes, requires: pa.Schema, rows_max: int) -> NativeQuestion:
    """The columns that the model reads, by name; more may be there. Raises InvalidRows, TooLarge."""
    batch = native.read_rows(body, rows_max)
    return NativeQuestion(pa.RecordBatch.from_arrays([_column(batch, field) for field in requires], schema=requires))


def _column(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    places = batch.schema.get_all_field_indices(field.name)
    if len(places) != 1:
        raise InvalidRows(f"the model reads {field.name} ({field.type}), and the rows have {', '.join(batch.schema.names) or 'no columns'}")
    column = batch.column(places[0])
    return column if column.type == field.type else as_type(field.name, column, field.type)
