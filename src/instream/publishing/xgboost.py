"""An XGBoost model, by its own predict on a data frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import xgboost

from instream.errors import ConversionRefused
from instream.formats.chain import CLOSED
from instream.formats.coded import CATEGORICAL
from instream.package import Step
from instream.publishing.boosters import answers_of, borders_of, columns_of, frame_of, outputs_of
from instream.publishing.original import Border, Conversion
from instream.publishing.sample import Sample
from instream.signature import Category, Signature

FILE = "model.json"


class XGBoostOriginal:
    """Satisfies Original."""

    libraries = ("xgboost", "numpy", "pandas")

    def __init__(self, model: Any, sample: Sample) -> None:
        self._booster = model.get_booster() if hasattr(model, "get_booster") else model
        self.kind = type(model).__name__
        self._config = msgspec.json.decode(self._booster.save_config())["learner"]
        if (trees := self._config["gradient_booster"]["name"]) not in ("gbtree", "dart"):
            raise ConversionRefused(f"booster {trees!r} is not supported: gbtree and dart are")
        names = self._booster.feature_names
        self.inputs = columns_of(names, self._booster.num_features(), sample)
        self._columns = dict(zip(names or [f"f{i}" for i in range(len(self.inputs))], self.inputs, strict=True))
        self._categories = _categories(self._booster, self._columns)
        self._missing = float(getattr(model, "missing", np.nan))
        self._rounds = _rounds(model, self._booster)
        answers = np.asarray(self._predict(sample.batch.slice(0, 1))).reshape(1, -1).shape[1]
        self.outputs = outputs_of(answers, _classes(model, self._config["objective"]["name"], answers))

    def categories(self) -> Mapping[str, tuple[Category, ...]]:
        return self._categories  # XGBoost gives an unseen one the answer of some other: it is refused

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return answers_of(self._predict(batch), self.outputs, batch.num_rows)

    def _predict(self, batch: pa.RecordBatch) -> Any:
        for name, known in self._categories.items():
            if unseen := set(batch.column(name).drop_null().unique().to_pylist()) - set(known):
                raise ValueError(f"{name}: {sorted(unseen)[0]!r} was not known at training")
        frame = frame_of(batch, self.inputs, self._categories)
        rows = xgboost.DMatrix(
            frame.set_axis(list(self._columns), axis=1) if self._booster.feature_names else frame.to_numpy(np.float64),
            missing=self._missing,
            enable_categorical=True,
            nthread=1,
        )
        return self._booster.predict(rows, iteration_range=(0, self._rounds))

    def borders(self, batch: pa.RecordBatch) -> Sequence[Border]:
        splits = self._booster.trees_to_dataframe().dropna(subset=["Split"])
        return borders_of(splits["Feature"].tolist(), splits["Split"].tolist(), self._columns)

    def conversions(self, signature: Signature, closed: tuple[str, ...]) -> Iterator[Conversion]:
        def write(folder: Path) -> tuple[Step, ...]:
            self._booster.save_model(folder / FILE)
            options: dict[str, Any] = {CATEGORICAL: tuple(self._categories)} if self._categories else {}
            options |= {CLOSED: closed} if closed else {}
            options |= {"iterations": self._rounds} if self._rounds else {}
            options |= {} if np.isnan(self._missing) else {"missing": self._missing}
            return (Step("xgboost", FILE, {"X": self.inputs}, {field.name: field.name for field in self.outputs}, options),)

        yield Conversion("xgboost", write, exact=True)


def read(model: Any, sample: Sample, trust: Sequence[str]) -> XGBoostOriginal:
    """Raises ConversionRefused when it is not fitted or the sample does not feed it."""
    try:
        return XGBoostOriginal(model, sample)
    except ConversionRefused:
        raise
    except Exception as error:  # XGBoost raises its own type, ValueError and KeyError
        raise ConversionRefused(f"{type(model).__name__} cannot score the sample's first row: {error}") from error


def _categories(booster: Any, columns: Mapping[str, str]) -> dict[str, tuple[Category, ...]]:
    """The categories that the model keeps, by column; numbers that stood for categories need no translation."""
    if "c" not in (booster.feature_types or []):
        return {}
    if not hasattr(booster, "get_categories"):
        raise ConversionRefused(f"xgboost {xgboost.__version__} keeps no categories in the model: train it with 3.1 or later")
    kept = booster.get_categories(export_to_arrow=True).to_arrow() or []
    return {columns[name]: tuple(values.to_pylist()) for name, values in kept if values is not None}


def _rounds(model: Any, booster: Any) -> int:
    """Rounds that the scikit-learn interface would use: up to the best one after early stopping; 0 means all."""
    is_wrapped = hasattr(model, "get_booster") or booster.attr("scikit_learn") is not None
    best = booster.attr("best_iteration")
    return int(best) + 1 if is_wrapped and best is not None else 0


def _classes(model: Any, objective: str, answers: int) -> list[Any] | None:
    """The classes by which a label is told; None for a regression."""
    if objective == "multi:softmax":
        raise ConversionRefused("objective multi:softmax gives labels without probabilities: train with multi:softprob")
    if (classes := getattr(model, "classes_", None)) is not None:
        return list(classes)
    if objective == "binary:logistic":
        return [0, 1]
    return list(range(answers)) if objective == "multi:softprob" else None
