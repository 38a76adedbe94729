"""A LightGBM model, by its own predict on a data frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from instream.errors import ConversionRefused
from instream.formats.coded import CATEGORICAL
from instream.package import Step
from instream.publishing.boosters import answers_of, borders_of, columns_of, frame_of, outputs_of
from instream.publishing.original import Border, Conversion
from instream.publishing.sample import Sample
from instream.signature import Category, Signature

FILE = "model.txt"
_BINARY = ("binary", "cross_entropy", "xentropy")
_MULTICLASS = ("multiclass", "softmax", "multiclassova", "multiclass_ova", "ova", "ovr")


class LightGBMOriginal:
    """Satisfies Original."""

    libraries = ("lightgbm", "numpy", "pandas")

    def __init__(self, model: Any, sample: Sample) -> None:
        self._booster = getattr(model, "booster_", model)
        self.kind = type(model).__name__
        names = self._booster.feature_name()
        self._unnamed = all(name == f"Column_{i}" for i, name in enumerate(names))
        self.inputs = columns_of(None if self._unnamed else names, len(names), sample)
        self._categories = _categories(self._booster, self.inputs, sample)
        self._columns = dict(zip(names, self.inputs, strict=True))
        answers = np.asarray(self._predict(sample.batch.slice(0, 1))).reshape(1, -1).shape[1]
        self.outputs = outputs_of(answers, _classes(model, self._booster, answers))

    def categories(self) -> Mapping[str, tuple[Category, ...]]:
        return {}  # an unseen category counts as missing: none is refused

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return answers_of(self._predict(batch), self.outputs, batch.num_rows)

    def _predict(self, batch: pa.RecordBatch) -> Any:
        frame = frame_of(batch, self.inputs, self._categories)
        return self._booster.predict(frame.to_numpy(np.float64) if self._unnamed and not self._categories else frame)

    def borders(self, batch: pa.RecordBatch) -> Sequence[Border]:
        trees = self._booster.trees_to_dataframe()
        splits = trees[trees["decision_type"] == "<="]
        return borders_of(splits["split_feature"].tolist(), splits["threshold"].astype(float).tolist(), self._columns)

    def conversions(self, signature: Signature, closed: tuple[str, ...]) -> Iterator[Conversion]:
        def write(folder: Path) -> tuple[Step, ...]:
            self._booster.save_model(str(folder / FILE))
            options: dict[str, Any] = {CATEGORICAL: tuple(self._categories)} if self._categories else {}
            return (Step("lightgbm", FILE, {"X": self.inputs}, {field.name: field.name for field in self.outputs}, options),)

        yield Conversion("lightgbm", write, exact=True)


def read(model: Any, sample: Sample, trust: Sequence[str]) -> LightGBMOriginal:
    """Raises ConversionRefused when it is not fitted or the sample does not feed it."""
    try:
        return LightGBMOriginal(model, sample)
    except ConversionRefused:
        raise
    except Exception as error:  # LightGBM raises its own type and ValueError
        raise ConversionRefused(f"{type(model).__name__} cannot score the sample's first row: {error}") from error


def _categories(booster: Any, inputs: Sequence[str], sample: Sample) -> dict[str, tuple[Category, ...]]:
    """The categories of the columns that were pandas categories at training, which the model keeps in their order."""
    lists = booster.pandas_categorical or []
    schema = sample.batch.schema
    columns = [name for name in inputs if name in sample.categories or pa.types.is_string(schema.field(name).type)]
    if len(columns) != len(lists):
        raise ConversionRefused(
            f"the model was trained with {len(lists)} categorical columns, the sample has {len(columns)} ({', '.join(columns) or 'none'}): "
            "give it as a DataFrame with the category types of the training data"
        )
    return {name: tuple(values) for name, values in zip(columns, lists, strict=True)}


def _classes(model: Any, booster: Any, answers: int) -> list[Any] | None:
    """The classes by which a label is told; None for a regression."""
    if (classes := getattr(model, "classes_", None)) is not None:
        return list(classes)
    text = booster.model_to_string(num_iteration=1)
    objective = next((line.partition("=")[2].split()[0] for line in text.splitlines() if line.startswith("objective=")), "")
    if objective in _BINARY:
        return [0, 1]
    return list(range(answers)) if objective in _MULTICLASS else None
