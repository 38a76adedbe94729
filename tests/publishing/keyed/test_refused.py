"""What cannot be a keyed model is refused with what can."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import GammaRegressor, LinearRegression, LogisticRegression, PoissonRegressor, Ridge, SGDClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from instream.errors import ConversionRefused, PackageError
from instream.keyed.linear import Linear
from instream.keyed.trees import Trees
from instream.publishing.keyed.common import common, fitted_to
from instream.publishing.keyed.extract import extracted

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(80, 3))
Y = np.exp(X @ [0.5, -0.3, 0.2])
LABELS = np.where(Y > 1, "late", "early")


def fitted(estimator: Any, y: Any = Y, x: Any = X) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(x, y)


class Clipped(LinearRegression):  # type: ignore[misc]
    def predict(self, rows: Any) -> Any:
        return np.clip(super().predict(rows), 0, 1)


@pytest.mark.parametrize(
    ("estimator", "y", "says"),
    [
        (KMeans(2, n_init=1), Y, "KMeans is no keyed model; what can be used: linear regressors"),
        (SGDClassifier(), LABELS, "SGDClassifier is no keyed model"),
        (PoissonRegressor(), Y, "PoissonRegressor answers otherwise"),
        (GammaRegressor(), Y, "GammaRegressor answers otherwise"),
        (Clipped(), Y, "Clipped answers otherwise"),
        (Ridge(), np.stack([Y, Y], 1), "Ridge gives 2 values"),
        (DecisionTreeRegressor(), np.stack([Y, Y], 1), "gives 2 values"),
        (MLPRegressor(hidden_layer_sizes=3, max_iter=2), np.stack([Y, Y], 1), "gives 2 values"),
        (MLPClassifier(3, max_iter=2), np.stack([Y > 1, Y > 2], 1), "several|2 values"),
        (HistGradientBoostingRegressor(loss="poisson", max_iter=2), Y, "gives exponentials"),
        (HistGradientBoostingRegressor(categorical_features=[0], max_iter=2), Y, "categorical features"),
        (GradientBoostingClassifier(init=LogisticRegression(), n_estimators=2), LABELS, "begins with LogisticRegression"),
        (make_pipeline(StandardScaler(), DecisionTreeRegressor()), Y, "StandardScaler before trees"),
        (make_pipeline(PCA(2), LinearRegression()), Y, "a pipeline of PCA, LinearRegression"),
        (DummyClassifier(), LABELS, "DummyClassifier is no keyed model"),
    ],
)
def test_refused(estimator: Any, y: Any, says: str) -> None:
    x = np.abs(X).round() if getattr(estimator, "categorical_features", None) == [0] else X
    with pytest.raises(ConversionRefused, match=says):
        extracted(fitted(estimator, y, x))


def test_one_that_is_not_fitted_is_refused() -> None:
    with pytest.raises(ConversionRefused, match="Ridge is not fitted"):
        extracted(Ridge())


def test_names_of_features_are_kept() -> None:
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    assert extracted(fitted(Ridge(), x=frame)).names == ("a", "b", "c")
    assert extracted(fitted(make_pipeline(StandardScaler(), Ridge()), x=frame)).names == ("a", "b", "c")
    assert extracted(fitted(Ridge())).names is None


def test_keys_that_are_no_one_model_are_refused() -> None:
    ridge, tree = extracted(fitted(Ridge())), extracted(fitted(DecisionTreeRegressor(max_depth=2)))
    with pytest.raises(ConversionRefused, match="do not fit one architecture"):
        common([ridge, tree])
    with pytest.raises(ConversionRefused, match="some a regressor"):
        common([ridge, extracted(fitted(LogisticRegression(), LABELS))])
    with pytest.raises(ConversionRefused, match="do not fit one architecture"):
        common([ridge, extracted(fitted(Ridge(), x=X[:, :2]))])
    with pytest.raises(ConversionRefused, match="no key"):
        common([])
    numbers = extracted(fitted(LogisticRegression(), (Y > 1).astype(int)))
    with pytest.raises(ConversionRefused, match="not of one type"):
        common([numbers, extracted(fitted(LogisticRegression(), LABELS))])


def test_the_smallest_architecture_that_fits_all() -> None:
    small, large = (extracted(fitted(RandomForestRegressor(n, max_depth=d, random_state=0))) for n, d in ((4, 2), (2, 3)))
    architecture, classes = common([small, large])
    assert isinstance(architecture, Trees)
    assert isinstance(large.architecture, Trees)
    assert (architecture.trees, architecture.nodes, architecture.depth, classes) == (4, large.architecture.nodes, 3, None)
    assert common([extracted(fitted(Ridge()))]) == (Linear(3, 1, "identity"), None)
    with pytest.raises(ConversionRefused, match="is larger than"):
        fitted_to(large, small.architecture, None)


def test_a_tree_of_one_class_gives_the_others_zero() -> None:
    one, two = (extracted(fitted(DecisionTreeClassifier(max_depth=2), y)) for y in (np.full(80, "late"), LABELS))
    architecture, classes = common([one, two])
    arena = architecture.arena(1)
    arena.put(0, fitted_to(one, architecture, classes))
    assert arena.score(X[:2], np.zeros(2, np.intp)).tolist() == [[0, 1], [0, 1]]


def test_a_class_that_is_not_named_is_refused() -> None:
    found = extracted(fitted(LogisticRegression(), LABELS))
    with pytest.raises(ConversionRefused, match="does not fit a model with"):
        fitted_to(found, Linear(3, 1, "logistic"), ("early", "never"))


def test_a_forest_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instream.keyed.architecture.SLOT_BYTES_MAX", 1_000)
    with pytest.raises(PackageError, match="at most 1,000 are allowed"):
        extracted(fitted(RandomForestRegressor(10)))
