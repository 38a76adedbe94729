"""A feature step that travels with its model: its source file, and rows from raw fields."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from instream.errors import ConversionRefused
from instream.failures import Rows
from instream.features import from_reference
from instream.package import FeatureSource
from instream.publish.sample import Sample, sample_of, type_of
from instream.signature import Field

FILE = "features.py"


@dataclass(frozen=True, slots=True)
class Featured:
    """A sample before and after the feature step, aligned.

    Attributes:
        raw: the rows that came through.
        source: where the function's source is.
    """

    raw: pa.RecordBatch
    sample: Sample
    source: Path
    function: str

    def published(self) -> FeatureSource:
        """What the manifest says about it; every raw field of the sample is an input."""
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
    return Featured(raw, sample_of(applied.batch), _source(place, folder), function)


def _source(place: str, folder: Path) -> Path:
    if place.endswith(".py"):
        return folder / place
    found = importlib.util.find_spec(place)
    if found is None or not found.origin:
        raise ConversionRefused(f"the feature step's module {place} has no source file that could be published")
    return Path(found.origin)
