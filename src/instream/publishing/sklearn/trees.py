"""Trees of scikit-learn for treelite, with the columns in the order that its model wants."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import treelite
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from instream.formats.chain import CLOSED
from instream.formats.treelite import CATEGORIES
from instream.package import Step

FILE = "trees.treelite"


def _coded(trees: Any) -> tuple[Any, str | None]:
    """A twin whose categories are 0, 1, … and, as JSON, the values that they stand for, by position in the raw matrix.

    The original takes an unseen category as missing, treelite as one that is in no set: coded, both are missing.
    """
    if getattr(trees, "_preprocessor", None) is None:
        return trees, None
    twin = copy.copy(trees)
    twin._preprocessor = copy.deepcopy(trees._preprocessor)
    encoder = twin._preprocessor.transformers_[0][1]
    known = [[value for value in values.tolist() if value == value and value is not None] for values in encoder.categories_]
    encoder.categories_ = [np.arange(len(values)) for values in known]
    positions = np.flatnonzero(trees.is_categorical_).tolist()
    return twin, msgspec.json.encode(dict(zip(positions, known, strict=True))).decode()


def treelite_step(folder: Path, trees: Any, inputs: Mapping[str, tuple[str, ...]], step: Step, closed: tuple[str, ...]) -> Step:
    """Write the trees. Raises what treelite raises for an estimator that it does not know."""
    twin, known = _coded(trees)
    treelite.sklearn.import_model(twin).serialize(folder / FILE)
    is_histogram = isinstance(trees, HistGradientBoostingClassifier | HistGradientBoostingRegressor)
    options: dict[str, Any] = {"dtype": "float64" if is_histogram else "float32"} | ({CLOSED: closed} if closed else {})
    if known is not None:
        options[CATEGORIES] = known
    return Step("treelite", FILE, inputs, {column: column for column in step.outputs.values()}, options)
