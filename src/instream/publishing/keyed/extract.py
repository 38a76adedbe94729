"""What a fitted scikit-learn estimator has learnt, as tensors of its own smallest architecture.

Whatever is extracted is tried at once on rows of its own scale: an estimator that looks like a known one and answers
otherwise (a subclass, a link that is not seen from outside) is refused, never published wrongly.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from instream.errors import ConversionRefused
from instream.keyed.link import Array
from instream.publishing.keyed import dense, forests
from instream.publishing.keyed.extracted import Extracted, own_answers
from instream.publishing.keyed.forests import BOOSTED, FORESTS, HISTOGRAM

_USABLE = (
    "linear regressors with one output, LogisticRegression, MLPRegressor, MLPClassifier, decision trees, random forests, "
    "extra trees, GradientBoosting and HistGradientBoosting without categorical features; all but trees also behind a StandardScaler"
)
_TRIED = 16  # rows


def extracted(estimator: Any) -> Extracted:
    """The parameters of a fitted estimator, proved on a few rows.

    Raises:
        ConversionRefused: another type of estimator, one that is not fitted, or one that has something which no
            architecture has.
    """
    found, rows = read(estimator)
    _require_reproduced(estimator, found, rows)
    return found


def read(estimator: Any) -> tuple[Extracted, Array]:
    """The same without the proof, and some rows at the scale of the estimator, to prove it on."""
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError) as error:
        raise ConversionRefused(f"{type(estimator).__name__} is not fitted: {error}") from error
    scaler, last = _split(estimator)
    found = _reader(last)(last)
    if found.classes is not None and len(found.classes) < 2 and found.architecture.link != "identity":
        raise ConversionRefused(f"{type(last).__name__} knows one class only; it needs two to give probabilities")
    if scaler is not None:
        found = dense.behind(scaler, found)
    names = getattr(estimator, "feature_names_in_", None)
    found = Extracted(found.architecture, found.tensors, found.classes, None if names is None else tuple(map(str, names)))
    return found, _rows(scaler, found.architecture.features)


def tried_rows(estimator: Any, features: int) -> Array:
    """Rows of the scale that an estimator can be seen to expect, the same each time."""
    return _rows(_split(estimator)[0], features)


def _split(estimator: Any) -> tuple[Any, Any]:
    """The scaler, or None, and the estimator behind it."""
    if not isinstance(estimator, Pipeline):
        return None, estimator
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
    if len(steps) == 1:
        return None, steps[0]
    if len(steps) == 2 and type(steps[0]) is StandardScaler:
        return steps[0], steps[1]
    raise ConversionRefused(f"a pipeline of {', '.join(type(step).__name__ for step in steps)} is no keyed model; {_can_be()}")


def _reader(last: Any) -> Callable[[Any], Extracted]:
    if isinstance(last, FORESTS):
        return forests.of_forest
    if isinstance(last, BOOSTED):
        return forests.of_boosted
    if isinstance(last, HISTOGRAM):
        return forests.of_histogram
    if isinstance(last, MLPClassifier | MLPRegressor):
        return dense.of_mlp
    if isinstance(last, LogisticRegression):
        return dense.of_logistic
    if is_regressor(last) and hasattr(last, "coef_") and hasattr(last, "intercept_"):
        return dense.of_linear
    raise ConversionRefused(f"{type(last).__name__} is no keyed model; {_can_be()}")


def _can_be() -> str:
    return f"what can be used: {_USABLE}"


def _rows(scaler: Any, features: int) -> Array:
    rows: Array = np.random.default_rng(0).normal(size=(_TRIED, features)) * np.repeat([0.3, 3], _TRIED // 2)[:, None]
    if scaler is None:
        return rows
    scale, mean = dense.scaled_by(scaler, features)
    return rows * scale + mean


def _require_reproduced(estimator: Any, found: Extracted, rows: Array) -> None:
    arena = found.architecture.arena(1)
    arena.put(0, found.tensors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rows without names, for an estimator that was fitted on names
        expected = own_answers(estimator, rows, classifier=is_classifier(estimator))
    given = arena.score(rows, np.zeros(len(rows), np.intp))
    scale = float(np.abs(expected).max()) if expected.size else 0.0
    if expected.shape != given.shape or not np.allclose(given, expected, rtol=1e-7, atol=1e-9 * scale + 1e-12):
        raise ConversionRefused(f"{type(estimator).__name__} answers otherwise than its parameters say; {_can_be()}")
