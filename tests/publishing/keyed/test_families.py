"""A batch of mixed keys gives what each key's own estimator gives, for every family."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import is_classifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, HuberRegressor, Lasso, LinearRegression, LogisticRegression, Ridge, SGDRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from instream.keyed.payload import Golden, decode, encode
from instream.publishing.keyed.common import common, fitted_to
from instream.publishing.keyed.extract import extracted
from instream.publishing.keyed.extracted import Extracted, own_answers

KEYS, FEATURES, ROWS = 12, 4, 600
NAMES = ("a", "b", "c", "d")
CITIES = ("berlin", "paris", "rome", "vienna")
Make = Callable[[int], Any]


def linear(key: int) -> Any:
    kinds: list[Any] = [LinearRegression(), Ridge(), Lasso(0.01), ElasticNet(0.01), SGDRegressor(), LinearSVR(), HuberRegressor()]
    scalers = [StandardScaler(), StandardScaler(with_mean=False), StandardScaler(with_std=False)]
    last = kinds[key % len(kinds)]
    if isinstance(last, SGDRegressor | LinearSVR | HuberRegressor) or key % 2:
        return make_pipeline(scalers[key % 3], last)
    return make_pipeline(last) if key % 3 else last


def logistic(key: int) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(C=1 + key)) if key % 2 else LogisticRegression(fit_intercept=key % 3 > 0)


def perceptron(kind: Any) -> Make:
    def make(key: int) -> Any:
        made = kind(hidden_layer_sizes=(3 + key % 5, 2 + key % 3), activation="tanh", max_iter=5, random_state=key)
        return make_pipeline(StandardScaler(), made) if key % 2 else made

    return make


def member(kind: Any, **settings: Any) -> Make:
    return lambda key: kind(random_state=key, max_depth=2 + key % 5, **settings)


def forest(kind: Any) -> Make:
    return lambda key: kind(3 + key % 5, random_state=key, max_depth=2 + key % 4)


def boosted(kind: Any, **settings: Any) -> Make:
    return lambda key: kind(n_estimators=3 + key % 5, random_state=key, max_depth=1 + key % 4, **settings)


def histogram(kind: Any) -> Make:
    return lambda key: kind(max_iter=3 + key % 5, max_leaf_nodes=4 + 2 * key, min_samples_leaf=5, early_stopping=False)


REGRESSORS: dict[str, Make] = {
    "linear": linear,
    "perceptron": perceptron(MLPRegressor),
    "tree": member(DecisionTreeRegressor),
    "forest": forest(RandomForestRegressor),
    "extra": forest(ExtraTreesRegressor),
    "boosted": boosted(GradientBoostingRegressor),
    "boosted from zero": boosted(GradientBoostingRegressor, init="zero", loss="huber"),
    "histogram": histogram(HistGradientBoostingRegressor),
}
CLASSIFIERS: dict[str, Make] = {
    "logistic": logistic,
    "perceptron": perceptron(MLPClassifier),
    "tree": member(DecisionTreeClassifier),
    "forest": forest(RandomForestClassifier),
    "extra": forest(ExtraTreesClassifier),
    "boosted": boosted(GradientBoostingClassifier),
    "histogram": histogram(HistGradientBoostingClassifier),
}
MISSING = ("tree", "forest", "extra", "histogram")


def fitted(make: Make, classes: int, missing: bool = False) -> list[Any]:
    """Each key with its own rows; of more than two classes, each key knows some."""
    found = []
    for key in range(KEYS):
        random = np.random.default_rng(key)
        x = random.normal(size=(120, FEATURES)) * [1, 10, 0.1, 3] + [0, 5, 0, -2]
        if missing and key % 3:
            x[random.random(x.shape) < 0.15] = np.nan
        y: Any = np.nan_to_num(x) @ random.normal(size=FEATURES)
        if classes:
            known = [name for number, name in enumerate(CITIES[:classes]) if classes == 2 or (key + number) % 4 not in (0, key % 3)]
            order = np.argsort(np.argsort(y + random.normal(size=120)))
            y = np.array(known)[order * len(known) // 120]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append(make(key).fit(x, y))
    return found


def difficult(every: list[Extracted], random: Any, missing: bool) -> Any:
    """Rows at the thresholds of trees, one step of either type beside them, and anywhere."""
    rows = random.normal(size=(ROWS, FEATURES)) * [1, 10, 0.1, 3] + [0, 5, 0, -2]
    if every[0].family == "trees":
        near = [each.tensors["threshold"].astype(float)[each.tensors["feature"] == at] for each in every for at in range(FEATURES)]
        for column in range(FEATURES):
            values = random.choice(np.concatenate(near[column::FEATURES]), ROWS)
            steps = np.stack([values, np.nextafter(values, np.inf), np.nextafter(values, -np.inf)])
            single = values.astype(np.float32)
            steps = np.concatenate([steps, [np.nextafter(single, np.float32(np.inf)), np.nextafter(single, np.float32(-np.inf))]])
            picked = steps[random.integers(0, len(steps), ROWS), np.arange(ROWS)]
            rows[:, column] = np.where((random.random(ROWS) < 0.7) & (np.abs(picked) < 1e30), picked, rows[:, column])
    if missing:
        rows[random.random(rows.shape) < 0.1] = np.nan
    return rows


def own_rows_answered(estimator: Any, rows: Any, classes: Any) -> Any:
    answers = own_answers(estimator, rows, is_classifier(estimator))
    if classes is None:
        return answers
    placed = np.zeros((len(rows), len(classes)))
    placed[:, [classes.index(name) for name in estimator.classes_]] = answers
    return placed


def assert_own_answers(estimators: list[Any], missing: bool = False, order: Callable[[Any], Any] = lambda classes: classes) -> None:
    every = [extracted(estimator) for estimator in estimators]
    architecture, classes = common(every)
    classes = order(classes)
    arena = architecture.arena(KEYS)
    random = np.random.default_rng(5)
    rows, slots = difficult(every, random, missing), random.integers(0, KEYS, ROWS)
    expected = np.empty((ROWS, architecture.width))
    for slot, (estimator, each) in enumerate(zip(estimators, every, strict=True)):
        own = slots == slot
        expected[own] = own_rows_answered(estimator, rows[own], classes)
        golden = Golden(rows[own][:2], expected[own][:2])
        payload = encode(architecture, NAMES, fitted_to(each, architecture, classes), golden)
        arena.put(slot, decode(payload, architecture, NAMES).tensors)
    np.testing.assert_allclose(arena.score(rows, slots), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("family", REGRESSORS)
def test_regressors(family: str) -> None:
    assert_own_answers(fitted(REGRESSORS[family], 0))


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("family", CLASSIFIERS)
def test_classifiers(family: str, classes: int) -> None:
    assert_own_answers(fitted(CLASSIFIERS[family], classes))


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("family", CLASSIFIERS)
def test_classes_in_another_order(family: str, classes: int) -> None:
    assert_own_answers(fitted(CLASSIFIERS[family], classes), order=lambda known: known[::-1])


@pytest.mark.parametrize("family", MISSING)
def test_regressors_with_missing_values(family: str) -> None:
    assert_own_answers(fitted(REGRESSORS[family], 0, missing=True), missing=True)


@pytest.mark.parametrize("family", MISSING)
def test_classifiers_with_missing_values(family: str) -> None:
    assert_own_answers(fitted(CLASSIFIERS[family], 4, missing=True), missing=True)


def test_exponential_loss() -> None:
    assert_own_answers(fitted(boosted(GradientBoostingClassifier, loss="exponential"), 2))


@pytest.mark.parametrize("activation", ["relu", "logistic", "identity"])
def test_activations(activation: str) -> None:
    assert_own_answers(
        fitted(lambda key: MLPRegressor(hidden_layer_sizes=3 + key % 4, activation=activation, max_iter=3, random_state=key), 0)
    )
