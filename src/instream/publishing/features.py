"""A feature step that travels with its model: its source file, and rows from raw fields."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from instream.errors import ConversionRefused, InstreamError
from instream.failures import Rows
from instream.features import FeatureStep, from_reference
from instream.package import FeatureSource
from instream.publishing.sample import Sample, sample_of, type_of
from instream.signature import Field

FILE = "features.py"
_TRIED_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Featured:
    """A sample before and after the feature step, aligned.

    Attributes:
        whole: the raw sample.
        raw: the rows of it that came through.
        sample: what they became.
        source: where the function's source is.
    """

    step: FeatureStep
    whole: pa.RecordBatch
    raw: pa.RecordBatch
    sample: Sample
    source: Path
    function: str

    def narrowed(self, inputs: Sequence[str]) -> Featured:
        """The same with fewer raw fields: those without which the function fails, or gives the model something else.

        A sample often has more, such as the truth, which no record of the stream will have.

        Args:
            inputs: what the model reads.
        """
        kept = self.whole.slice(0, _TRIED_ROWS)
        wanted = _given(self.step, kept, inputs)
        for name in self.whole.schema.names:
            fewer = kept.drop_columns([name])
            if fewer.num_columns and _given(self.step, fewer, inputs) == wanted:
                kept = fewer
        return replace(self, raw=self.raw.select(kept.schema.names))

    def published(self) -> FeatureSource:
        """What the manifest says about it; its inputs are the raw fields that are left."""
        fields = tuple(
            Field(field.name, type_of(field.name, field.type), self.raw.column(field.name).null_count > 0) for field in self.raw.schema
        )
        return FeatureSource(FILE, self.function, fields)


def apply_features(reference: str, sample: Sample, folder: Path) -> Featured:
    """Run a feature step over a sample of raw fields.

    Args:
        reference: `file.py:function` or `module:function`, found from `folder`.
    Raises:
        ConversionRefused: a row of the sample fails in it, or none comes through.
    """
    step = from_reference(reference, folder)
    applied = step.apply(sample.batch)
    if len(applied.failures):
        first = int(applied.failures.rows[0])
        raise ConversionRefused(
            f"the feature step fails on {len(applied.failures):,} rows of the sample, first on row {first}: "
            f"{applied.failures.messages[0]}; its values: {sample.batch.slice(first, 1).to_pylist()[0]}"
        )
    if not applied.batch.num_rows:
        raise ConversionRefused("the feature step filters every row of the sample: give rows that come through")
    place, _, function = reference.rpartition(":")
    rows: Rows = np.asarray(applied.rows)
    raw = sample.batch.take(pa.array(rows))
    return Featured(step, sample.batch, raw, sample_of(applied.batch), _source(place, folder), function)


def _given(step: FeatureStep, batch: pa.RecordBatch, inputs: Sequence[str]) -> tuple[list[int], pa.RecordBatch] | None:
    """Rows and columns that the model would get; None where the function fails."""
    try:
        applied = step.apply(batch)
        if len(applied.failures):
            return None
        return applied.rows.tolist(), sample_of(applied.batch).batch.select(list(inputs))
    except (InstreamError, KeyError):
        return None


def _source(place: str, folder: Path) -> Path:
    if place.endswith(".py"):
        return folder / place
    found = importlib.util.find_spec(place)
    if found is None or not found.origin:
        raise ConversionRefused(f"the feature step's module {place} has no source file that could be published")
    return Path(found.origin)
