"""A question in instream's own form, as the server reads it."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from instream.casting import as_type
from instream.errors import InvalidRows
from instream.wire import native
from instream.wire.answered import Answered
from instream.wire.columns import Columns
from instream.wire.inputs import Input, Inputs
from instream.wire.question import Reply


class NativeQuestion(msgspec.Struct, frozen=True, gc=False):
    """Satisfies Question; a row that fails is told and fails alone."""

    columns: Columns

    def answer(self, answered: Answered) -> Reply:
        return Reply(native.write_answer(answered.prediction), native.MEDIA_TYPE)


def read_question(body: bytes, inputs: Inputs, rows_max: int) -> NativeQuestion:
    """The columns that the model reads, by name; more may be there. Raises InvalidRows, TooLarge."""
    batch = native.read_rows(body, rows_max)
    return NativeQuestion(Columns([_column(batch, field) for field in inputs.fields], batch.num_rows))


def _column(batch: pa.RecordBatch, field: Input) -> pa.Array:
    places = batch.schema.get_all_field_indices(field.name)
    if len(places) != 1:
        raise InvalidRows(f"the model reads {field.name} ({field.kind}), and the rows have {', '.join(batch.schema.names) or 'no columns'}")
    column = batch.column(places[0])
    return column if column.type == field.kind else as_type(field.name, column, field.kind)
