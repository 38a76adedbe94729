"""Rows of somebody's own table: they come as columns, and the answer is columns beside theirs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from instream.hosted.job import Job, job_of
from instream.predictor import STAMPS
from instream.records import Outcome, Records
from instream.rows import ArrowRows
from instream.settings import Output, Pipeline

ERROR, KEPT = "error", "kept"
"""Of an answer: null where a row was scored, else `code: message`; false where the feature step left the row out."""

FILTERED = "filtered: the feature step leaves this row out"


def job_for_columns(settings: Pipeline) -> Job:
    """The scoring part of a pipeline; source and sink are the engine's job's own, which keeps its columns, so none is echoed."""
    return job_of(settings.model_copy(update={"output": Output(stamps=settings.output.stamps)}), form="arrow", letters=False)


def records_of(batch: pa.RecordBatch) -> Records:
    """Rows of a table come from no topic: they are counted from 0 in each batch."""
    rows = batch.num_rows
    return Records("rows", ArrowRows(batch), np.zeros(rows, np.int32), np.arange(rows, dtype=np.int64), {})


def answers(outcome: Outcome, gives: Sequence[str]) -> Sequence[pa.Array]:
    """The columns `gives` (see `Hosted.gives`), ERROR and KEPT, as many rows as were given."""
    errors, kept = outcome.failures.texts(len(outcome.values)), np.ones(len(outcome.values), bool)
    for row in outcome.filtered.tolist():  # the column says it, too: a function of SQL cannot leave a row out
        errors[row], kept[row] = FILTERED, False
    return [*(_column(outcome, name) for name in gives), pa.array(errors, pa.string()), pa.array(kept)]


def _column(outcome: Outcome, name: str) -> pa.Array:
    """A stamp says who refused a row, too; an output is null there."""
    if name in STAMPS.names:
        return outcome.stamps.column(name)
    assert isinstance(outcome.values, ArrowRows)
    return outcome.values.batch.column(name)
