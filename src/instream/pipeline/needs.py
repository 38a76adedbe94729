"""What a model needs of the columns that reach it: checked when a pipeline is built, and on what a feature step gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from instream.errors import SettingsInvalid
from instream.failures import Code, failures_of
from instream.pipeline.part import Part
from instream.signature import type_text


@dataclass(frozen=True, slots=True)
class Needs:
    """`required` columns, of some `model`."""

    required: pa.Schema
    origin: str
    """Where the columns come from, for messages."""

    def check(self, given: pa.Schema) -> None:
        """Compare schemas. A column of type null fits: its type depends on the rows.

        Raises:
            SettingsInvalid: a column is missing or has another type; says which, and what to do.
        """
        for field in self.required:
            at = given.get_field_index(field.name)
            if at < 0:
                has = ", ".join(given.names) or "none"
                raise SettingsInvalid(
                    f"the model needs {field.name} ({type_text(field.type)}), and {self.origin} gives {has}: "
                    f"add {field.name} to [source.fields], or let the feature step make it"
                )
            found = given.field(at).type
            if found != field.type and not pa.types.is_null(found):
                raise SettingsInvalid(
                    f"the model needs {field.name} as {type_text(field.type)}, and {self.origin} gives {found}: convert it there"
                )

    def met(self, part: Part) -> Part:
        """The part with each needed column in its type; rows with a null where none may be have failed."""
        batch = part.batch
        if not all(batch.schema.names.count(field.name) == 1 and batch.column(field.name).type == field.type for field in self.required):
            self.check(batch.schema)
            batch = self._typed(batch)
        bad = []
        for field in self.required:
            column = batch.column(field.name)
            if column.null_count and not field.nullable:
                said = f"{field.name}: expected {type_text(field.type)}, {self.origin} gave null"
                bad += [(int(row), Code.NULL, said) for row in np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))]
        whole = Part(batch, part.rows, part.echo, part.failures, part.filtered)
        return whole.failing(failures_of(bad))

    def _typed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = list(batch.columns)
        for field in self.required:
            at = batch.schema.get_field_index(field.name)
            columns[at] = pa.nulls(batch.num_rows, field.type) if pa.types.is_null(columns[at].type) else columns[at]
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
