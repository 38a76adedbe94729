"""Trees of scikit-learn for treelite, with the columns in the order that its model wants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import treelite
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from instream.formats.chain import CLOSED
from instream.package import Step

FILE = "trees.treelite"


def treelite_step(folder: Path, trees: Any, inputs: Mapping[str, tuple[str, ...]], step: Step, closed: tuple[str, ...]) -> Step:
    """Write the trees. Raises what treelite raises for an estimator that it does not know."""
    treelite.sklearn.import_model(trees).serialize(folder / FILE)
    is_histogram = isinstance(trees, HistGradientBoostingClassifier | HistGradientBoostingRegressor)
    options: dict[str, Any] = {"dtype": "float64" if is_histogram else "float32"} | ({CLOSED: closed} if closed else {})
    return Step("treelite", FILE, inputs, {column: column for column in step.outputs.values()}, options)
