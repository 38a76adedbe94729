"""A batch of mixed keys gives what each key's own estimator gives."""

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from instream.errors import PackageError
from instream.keyed.linear import Linear

ROWS, FEATURES, KEYS = 4_000, 5, 37


def batch() -> tuple[Any, Any]:
    random = np.random.default_rng(7)
    return random.normal(size=(ROWS, FEATURES)) * 3, random.integers(0, KEYS, ROWS)


def fitted(make: Any, classes: int) -> list[Any]:
    found = []
    for key in range(KEYS):
        random = np.random.default_rng(key)
        x = random.normal(size=(200, FEATURES))
        y = random.integers(0, classes, 200) if classes else x @ random.normal(size=FEATURES)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append(make().fit(x, y))
    return found


@pytest.mark.parametrize(
    ("make", "classes", "architecture"),
    [
        (LinearRegression, 0, Linear(FEATURES, 1, "identity")),
        (LogisticRegression, 2, Linear(FEATURES, 1, "logistic")),
        (LogisticRegression, 4, Linear(FEATURES, 4, "softmax")),
    ],
)
def test_mixed_keys_give_what_their_own_estimators_give(make: Any, classes: int, architecture: Linear) -> None:
    rows, slots = batch()
    arena = architecture.arena(KEYS)
    expected = np.empty((ROWS, max(classes, 1)))
    for slot, estimator in enumerate(fitted(make, classes)):
        tensors = {"coef": np.atleast_2d(estimator.coef_), "intercept": np.atleast_1d(estimator.intercept_)}
        assert {name: tensor.shape for name, tensor in tensors.items()} == architecture.shapes
        arena.put(slot, tensors)
        own = slots == slot
        answers = estimator.predict_proba(rows[own]) if classes else estimator.predict(rows[own])
        expected[own] = answers.reshape(own.sum(), -1)
    np.testing.assert_allclose(arena.score(rows, slots), expected, rtol=1e-9, atol=1e-12)


def test_weights_that_are_no_numbers_are_refused() -> None:
    arena = Linear(2, 1, "identity").arena(1)
    with pytest.raises(PackageError, match="coef has a value that is not finite"):
        arena.put(0, {"coef": np.array([[1.0, np.nan]]), "intercept": np.zeros(1)})
