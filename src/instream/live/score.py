"""A batch through one snapshot."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from instream.errors import FeaturesInvalid
from instream.failures import Code, Failures, Rows, failures_of, merge
from instream.features import FeatureStep
from instream.flow.deadline import Deadline
from instream.live.outputs import outputs_of, spread
from instream.live.serving import Model, Serving
from instream.predictor import KEYED_STAMPS, Prediction, stamped, stamped_with


def score(serving: Serving, batch: pa.RecordBatch, deadline: Deadline | None = None) -> Prediction:
    """Every row of the batch by this version, and by nothing else.

    Every row is stamped with the version, those that it refused or left out included.
    """
    outputs, failures = outcome_of(serving.model, serving.features, columns(batch, serving.requires), deadline)
    return Prediction(columns(outputs, serving.produces), _stamps(serving, outputs), serving.head, failures)


def _stamps(serving: Serving, outputs: pa.RecordBatch) -> pa.RecordBatch:
    keyed = outputs.columns[len(serving.produces) :]
    assert len(keyed) in (0, len(KEYED_STAMPS)), outputs.schema
    return stamped_with(serving.version, keyed) if keyed else stamped(serving.version, outputs.num_rows)


def outcome_of(
    model: Model, features: FeatureStep | None, raw: pa.RecordBatch, deadline: Deadline | None = None
) -> tuple[pa.RecordBatch, Failures]:
    """Features, if any, then the model: its answers aligned with `raw`, null where failed or filtered, and why."""
    if features is None:
        return outputs_of(model, raw, deadline)
    applied = features.apply(raw)
    outputs, failures = outputs_of(model, columns(applied.batch, model.signature.requires), deadline)
    if len(applied.rows) == raw.num_rows:
        return outputs, failures
    left_out = merge(applied.failures, _filtered(applied.filtered))
    return spread(outputs, applied.rows, raw.num_rows), merge(left_out, failures.at(applied.rows))


def columns(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of `schema`, in its order.

    Raises:
        FeaturesInvalid: one is missing or has another type; versions are checked before they are adopted, so what
            precedes the model has not kept to the columns that it gave at first.
    """
    if batch.schema.equals(schema):
        return batch
    return pa.RecordBatch.from_arrays([_column(batch, field) for field in schema], schema=schema)


def _column(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    at = batch.schema.get_field_index(field.name)
    if at < 0:
        raise FeaturesInvalid(f"the model reads {field.name} ({field.type}), and the batch has {', '.join(batch.schema.names)}")
    column = batch.column(at)
    if column.type == field.type:
        return column
    try:
        return pc.cast(column, field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FeaturesInvalid(f"the model reads {field.name} as {field.type}, and the batch has {column.type}: {error}") from error


def _filtered(rows: Rows) -> Failures:
    return failures_of((row, Code.FILTERED, "") for row in rows.tolist())
