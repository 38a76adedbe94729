"""What LightGBM and XGBoost models have in common: columns by name, outputs by objective, borders from a table of trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from instream.compare import PROBABILITIES
from instream.errors import ConversionRefused
from instream.formats.columns import codes
from instream.formats.labels import LABEL, PREDICTION
from instream.publishing.original import Border
from instream.publishing.sample import Sample
from instream.signature import Category, Field

_BORDERS_MAX = 400


def columns_of(names: Sequence[str] | None, count: int, sample: Sample) -> tuple[str, ...]:
    """Columns of the sample by the names of the model's features, else all of them in order.

    Args:
        names: None where the model was trained on a matrix.
    Raises:
        ConversionRefused: a column is absent, or there are too many or too few.
    """
    there = sample.batch.schema.names
    if names is not None:
        spoken = {name.replace(" ", "_"): name for name in there}  # LightGBM writes a_b for "a b"
        if absent := [name for name in names if name not in there and name not in spoken]:
            raise ConversionRefused(f"the model reads {', '.join(absent)}, which the sample does not have; it has {', '.join(there)}")
        return tuple(name if name in there else spoken[name] for name in names)
    if len(there) != count:
        raise ConversionRefused(
            f"the model was trained on {count} columns without names, the sample has {len(there)}: give exactly those, in their order"
        )
    return tuple(there)


def frame_of(batch: pa.RecordBatch, names: Sequence[str], categories: Mapping[str, tuple[Category, ...]]) -> pd.DataFrame:
    """The data frame that the framework's own predict gets: categories as pandas' type, null as NaN."""
    columns: dict[str, Any] = {}
    for name in names:
        if name in categories:
            positions = np.nan_to_num(codes(batch.column(name), pa.array(categories[name])), nan=-1).astype(np.int64)
            columns[name] = pd.Categorical.from_codes(positions, categories=pd.Index(categories[name]))
        else:
            columns[name] = batch.column(name).to_numpy(zero_copy_only=False)
    return pd.DataFrame(columns)


def outputs_of(answers: int, classes: Sequence[Any] | None) -> tuple[Field, ...]:
    """Outputs of a classifier with these classes, or, where they are None, of a regression with so many numbers a row."""
    if classes is None:
        return (Field(PREDICTION, "float64" if answers == 1 else f"float64[{answers}]"),)
    values = [value.item() if isinstance(value, np.generic) else value for value in classes]
    kinds = {str: "string", bool: "bool", int: "int64", float: "float64"}
    return (Field(LABEL, kinds[type(values[0])]), Field(PROBABILITIES, f"float64[{len(values)}]", categories=tuple(values)))


def answers_of(given: Any, outputs: Sequence[Field], rows: int) -> pa.RecordBatch:
    """A framework's answers, shape (n,) or (n, k), as the outputs; the label is the most probable class."""
    values = np.asarray(given, np.float64).reshape(rows, -1)
    if len(outputs) == 1:
        arrays = [pa.FixedSizeListArray.from_arrays(values.ravel(), values.shape[1]) if values.shape[1] > 1 else pa.array(values[:, 0])]
    else:
        both = np.column_stack([1 - values[:, 0], values[:, 0]]) if values.shape[1] == 1 else values
        best = np.array(outputs[1].categories, object)[both.argmax(axis=1)]
        arrays = [pa.array(best.tolist(), outputs[0].arrow.type), pa.FixedSizeListArray.from_arrays(both.ravel(), both.shape[1])]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([field.arrow for field in outputs]))


def borders_of(features: Sequence[str], thresholds: Sequence[float], columns: Mapping[str, str]) -> Sequence[Border]:
    """Borders from parallel lists of features and thresholds; evenly chosen where there are many.

    Args:
        columns: for each feature that is a number, the column of the sample that it is.
    """
    pairs = sorted({(columns[f], t) for f, t in zip(features, thresholds, strict=True) if f in columns and np.isfinite(t)})
    chosen = pairs[:: max(1, -(-len(pairs) // _BORDERS_MAX))]
    names = sorted({name for name, _ in chosen})
    return [Border(name, np.array([at for each, at in chosen if each == name])) for name in names]
