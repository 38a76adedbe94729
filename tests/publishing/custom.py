"""A transformer of a user's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Sum(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Looks columns up by name, and keeps none of scikit-learn's attributes about them."""

    def fit(self, rows: Any, labels: Any = None) -> Sum:
        self.fitted_ = True
        return self

    def transform(self, rows: Any) -> Any:
        return np.column_stack([rows["f0"] + rows["f1"], rows["f2"]])


class Clip(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    def __init__(self, low: float = -1.0, high: float = 1.0) -> None:
        self.low = low
        self.high = high

    def fit(self, rows: Any, labels: Any = None) -> Clip:
        self.fitted_ = True
        return self

    def transform(self, rows: Any) -> Any:
        return np.clip(np.asarray(rows, float), self.low, self.high)
