"""scikit-learn's estimators of the same parameters, for the dict of fitted models that people keep."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor

from benchmarks.keyed.banks import Bank
from instream.publishing.keyed.common import common, fitted_to
from instream.publishing.keyed.extract import extracted

_FITTED = 8
_FEATURES = 20
_ROWS = 400


def forests(count: int) -> tuple[Bank, Sequence[Any]]:
    """20 trees of depth 6; few are fitted, and keys take them in turn."""
    return _fitted("forest", [RandomForestRegressor(20, max_depth=6, random_state=seed) for seed in range(_FITTED)], count)


def perceptrons(count: int) -> tuple[Bank, Sequence[Any]]:
    """One hidden layer of 16."""
    return _fitted("mlp", [MLPRegressor(hidden_layer_sizes=(16,), max_iter=5, random_state=seed) for seed in range(_FITTED)], count)


def regressions(bank: Bank) -> Sequence[Any]:
    """LinearRegression with the parameters of each key, as if it had been fitted."""
    made = []
    for coef, intercept in zip(bank.tensors["coef"][:, 0], bank.tensors["intercept"][:, 0], strict=True):
        estimator = LinearRegression()
        estimator.coef_, estimator.intercept_, estimator.n_features_in_ = coef, float(intercept), len(coef)
        made.append(estimator)
    return made


def _fitted(name: str, estimators: Sequence[Any], count: int) -> tuple[Bank, Sequence[Any]]:
    for seed, estimator in enumerate(estimators):
        random = np.random.default_rng(seed)
        rows = random.normal(size=(_ROWS, _FEATURES))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # few iterations: what it has learnt does not matter
            estimator.fit(rows, rows @ random.normal(size=_FEATURES))
        if hasattr(estimator, "n_jobs"):
            estimator.n_jobs = 1
    found = [extracted(estimator) for estimator in estimators]
    architecture, classes = common(found)
    each = [fitted_to(one, architecture, classes) for one in found]
    tensors = {tensor: np.stack([one[tensor] for one in each]) for tensor in architecture.shapes}
    return Bank(name, architecture, tensors, len(each), count), [estimators[number % _FITTED] for number in range(count)]
