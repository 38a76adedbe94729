"""Rows on which a candidate must equal the original: the sample, and what it may not contain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from instream.publishing.original import Border
from instream.signature import Field

UNSEEN = "\ue000unseen"
_RECOMBINED, _BASE, _NULLS = 2_000, 32, 2_048


def proof_rows(sample: pa.RecordBatch, fields: Sequence[Field], borders: Sequence[Border], fixed: Sequence[str]) -> pa.RecordBatch:
    """Rows to prove a candidate on besides the sample; the same ones for the same sample.

    Recombined: values of the sample in new combinations, half of them stretched past its range. Nulls: where a field
    is nullable. Unseen: a text that no category has. Borders: at a tree's threshold and one ulp to either side, in
    float64 and in float32.

    Args:
        fixed: columns whose values must be the sample's, since the original refuses others.
    """
    made = [_recombined(sample, fixed)]
    base = sample.slice(0, min(_BASE, sample.num_rows))
    nullable = [field.name for field in fields if field.nullable]
    few = base.slice(0, max(1, min(base.num_rows, _NULLS // max(1, len(nullable)))))
    made += [all_null(few, [name]) for name in nullable]
    made += [all_null(base, nullable)] if nullable else []
    free = [field for field in fields if field.name not in fixed]
    made += [with_column(base, f.name, pa.array([UNSEEN] * base.num_rows)) for f in free if pa.types.is_string(f.arrow.type)]
    made += [_at_borders(base, border) for border in borders if border.column not in fixed]
    return pa.Table.from_batches(made, schema=sample.schema).combine_chunks().to_batches()[0]


def with_column(batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    """The same rows with one column replaced."""
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), column)


def all_null(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    for name in names:
        batch = with_column(batch, name, pa.nulls(batch.num_rows, batch.schema.field(name).type))
    return batch


def _recombined(sample: pa.RecordBatch, fixed: Sequence[str]) -> pa.RecordBatch:
    random = np.random.default_rng(0)
    arrays = []
    for name, column in zip(sample.schema.names, sample.columns, strict=True):
        drawn = column.take(pa.array(random.integers(0, sample.num_rows, _RECOMBINED)))
        if pa.types.is_floating(column.type) and name not in fixed:
            stretch = np.where(np.arange(_RECOMBINED) % 2, 1.0, random.uniform(0.5, 2.0, _RECOMBINED))
            values = drawn.to_numpy(zero_copy_only=False)
            drawn = pa.array((values * stretch).astype(values.dtype), column.type, from_pandas=True)
        arrays.append(drawn)
    return pa.RecordBatch.from_arrays(arrays, schema=sample.schema)


def _at_borders(base: pa.RecordBatch, border: Border) -> pa.RecordBatch:
    kind = base.schema.field(border.column).type
    at = border.values
    with np.errstate(over="ignore"):  # LightGBM writes 1e308 for "any number"
        single = at.astype(np.float32)
    around = [at, np.nextafter(at, -np.inf), np.nextafter(at, np.inf)]
    around += [
        each.astype(np.float64) for each in (single, np.nextafter(single, np.float32(-np.inf)), np.nextafter(single, np.float32(np.inf)))
    ]
    values = np.unique(np.concatenate(around))
    values = values[np.isfinite(values)]
    if pa.types.is_integer(kind):
        values = np.unique(np.concatenate([np.floor(at), np.ceil(at)]))
        limits = np.iinfo(kind.to_pandas_dtype())
        values = values[(values >= limits.min) & (values < limits.max)]
    rows = base.take(pa.array(np.arange(len(values)) % base.num_rows))
    return with_column(rows, border.column, pa.array(values.astype(kind.to_pandas_dtype()), kind))
