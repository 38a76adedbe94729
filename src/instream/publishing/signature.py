"""What a model takes, found out by asking it: types from the sample, nulls and unseen values by trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from instream.lists import items
from instream.publishing.original import Original
from instream.publishing.proofset import UNSEEN, all_null, with_column
from instream.publishing.sample import Sample, type_of
from instream.signature import Category, Field, Signature

_TRIAL_ROWS = 8
_CATEGORIES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Described:
    """A signature and how strict the original is.

    Attributes:
        closed: inputs for which the original refuses unseen values and says which it knows.
        opaque: inputs for which it refuses them without saying; only its own code can then decide.
    """

    signature: Signature
    closed: tuple[str, ...]
    opaque: tuple[str, ...]


def describe(original: Original, sample: Sample) -> Described:
    """Find the signature of a model.

    An input is nullable where the sample has nulls, or where the original accepts one and gives finite answers.

    Raises:
        ConversionRefused: a column has a type that no model reads.
    """
    known = original.categories()
    takes_all_null = _takes(original, all_null(_few(sample.batch), original.inputs))
    fields: list[Field] = []
    closed: list[str] = []
    opaque: list[str] = []
    for name in original.inputs:
        column = sample.batch.column(name)
        kind = type_of(name, column.type)
        if pa.types.is_string(column.type) and name not in sample.categories and not _accepts(original, sample.batch, name, UNSEEN):
            (closed if name in known else opaque).append(name)
        elif name in known:
            closed.append(name)
        nullable = takes_all_null or column.null_count > 0 or _accepts(original, sample.batch, name, None)
        fields.append(Field(name, kind, nullable, _categories(name, column, known, sample.categories)))
    return Described(Signature(tuple(fields), original.outputs), tuple(closed), tuple(opaque))


def _accepts(original: Original, batch: pa.RecordBatch, name: str, value: str | None) -> bool:
    some = _few(batch)
    return _takes(original, with_column(some, name, pa.array([value] * some.num_rows, some.schema.field(name).type)))


def _few(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.slice(0, min(_TRIAL_ROWS, batch.num_rows))


def _takes(original: Original, batch: pa.RecordBatch) -> bool:
    try:
        outputs = original.score(batch)
    except Exception:  # the original says no in its own words
        return False
    return all(_finite(column) for column in outputs.columns)


def _finite(column: pa.Array) -> bool:
    flat = items(column) if pa.types.is_fixed_size_list(column.type) else column
    return flat.null_count == 0 and (not pa.types.is_floating(flat.type) or bool(np.isfinite(flat.to_numpy(zero_copy_only=False)).all()))


def _categories(
    name: str, column: pa.Array, known: Mapping[str, tuple[Category, ...]], categorical: Mapping[str, tuple[Category, ...]]
) -> tuple[Category, ...] | None:
    for given in (known, categorical):
        if name in given:
            return given[name]
    if not pa.types.is_string(column.type):
        return None
    found: Sequence[Category] = sorted(pc.unique(column.drop_null()).to_pylist())
    return tuple(found) if len(found) <= _CATEGORIES_MAX else None
