"""Every kind of estimator: the package equals it on 20,000 rows that the sample does not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.publishing.zoo import UNSEEN_ROWS, flights, late, numbers, publish_and_check, target, three, with_nulls

pytestmark = pytest.mark.slow

NUMBERS = ["delay", "distance", "hour"]
TEXTS = ["carrier", "origin"]
HOLES = ("delay", "carrier", "hour")


def of_numbers(nulls: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    sample, unseen = numbers(600, 0), numbers(UNSEEN_ROWS, 1)
    return (with_nulls(sample, 2, share=nulls), with_nulls(unseen, 3, share=nulls)) if nulls else (sample, unseen)


def of_flights(nulls: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    sample, unseen = flights(800, 0), flights(UNSEEN_ROWS, 1)
    return (with_nulls(sample, 2, *HOLES, share=nulls), with_nulls(unseen, 3, *HOLES, share=nulls)) if nulls else (sample, unseen)


def of_epochs() -> tuple[pd.DataFrame, pd.DataFrame]:
    """One column is seconds since 1970: float32 holds them to two minutes."""
    random = np.random.default_rng(5)
    frames = of_numbers()
    return tuple(frame.assign(at=1_700_000_000 + random.integers(0, 10**7, len(frame))) for frame in frames)  # type: ignore[return-value]


def columns(numeric: Any, text: Any) -> ColumnTransformer:
    return ColumnTransformer([("numbers", numeric, NUMBERS), ("texts", text, TEXTS)])


def one_hot() -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="ignore")


PLAIN = {
    "linear": (LinearRegression(), target),
    "logistic": (LogisticRegression(), late),
    "logistic of three": (LogisticRegression(), three),
    "gradient boosting": (GradientBoostingClassifier(n_estimators=15), late),
    "gradient boosting of three": (GradientBoostingClassifier(n_estimators=8), three),
    "gradient boosting regression": (GradientBoostingRegressor(n_estimators=15), target),
    "forest": (RandomForestClassifier(12), three),
    "forest regression": (RandomForestRegressor(12), target),
    "histogram": (HistGradientBoostingClassifier(max_iter=10), late),
    "mlp": (make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=40)), three),
    "mlp regression": (MLPRegressor(hidden_layer_sizes=(16,), max_iter=40), target),
    "k-means": (KMeans(4, n_init=1), None),
    "scaled k-means": (make_pipeline(StandardScaler(), KMeans(4, n_init=1)), None),
    "isolation forest": (IsolationForest(n_estimators=20), None),
    "scaled forest": (make_pipeline(StandardScaler(), RandomForestClassifier(12)), late),
    "scaled gradient boosting": (make_pipeline(StandardScaler(), GradientBoostingRegressor(n_estimators=15)), target),
}


@pytest.mark.parametrize("case", PLAIN)
@pytest.mark.filterwarnings("ignore")
def test_numbers(case: str, tmp_path: Path) -> None:
    model, wanted = PLAIN[case]
    sample, unseen = of_numbers()
    publish_and_check(model.fit(sample, wanted(sample) if wanted else None), sample, unseen, tmp_path)


MISSING = {
    "forest": (RandomForestClassifier(12), late),
    "forest regression": (RandomForestRegressor(12), target),
    "histogram": (HistGradientBoostingClassifier(max_iter=10), late),
    "histogram of three": (HistGradientBoostingClassifier(max_iter=5), three),
    "histogram regression": (HistGradientBoostingRegressor(max_iter=10), target),
    "imputed logistic": (make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()), three),
}


@pytest.mark.parametrize("case", MISSING)
def test_missing_numbers(case: str, tmp_path: Path) -> None:
    """The trap: converted trees send a missing value to the right, scikit-learn where it learnt to."""
    model, wanted = MISSING[case]
    sample, unseen = of_numbers(nulls=0.1)
    manifest = publish_and_check(model.fit(sample, wanted(sample)), sample, unseen, tmp_path)
    assert all(field.nullable for field in manifest.signature.inputs)


def test_missing_numbers_that_training_did_not_have(tmp_path: Path) -> None:
    sample, _ = of_numbers()
    _, unseen = of_numbers(nulls=0.1)
    publish_and_check(RandomForestClassifier(12).fit(sample, late(sample)), sample, unseen, tmp_path)


EPOCHS = {
    "linear": (LinearRegression(), target),
    "scaled logistic": (make_pipeline(StandardScaler(), LogisticRegression()), late),
    "forest": (RandomForestClassifier(12), late),
    "scaled forest": (make_pipeline(StandardScaler(), RandomForestRegressor(12)), target),
    "histogram": (HistGradientBoostingRegressor(max_iter=10), target),
}


@pytest.mark.parametrize("case", EPOCHS)
def test_epoch_seconds(case: str, tmp_path: Path) -> None:
    model, wanted = EPOCHS[case]
    sample, unseen = of_epochs()
    publish_and_check(model.fit(sample, wanted(sample)), sample, unseen, tmp_path)


MIXED = {
    "scaler, one-hot": (columns(StandardScaler(), one_hot()), LogisticRegression(max_iter=500), late, 0.0),
    "strict one-hot": (columns(StandardScaler(), OneHotEncoder()), LogisticRegression(max_iter=500), three, 0.0),
    "imputer, one-hot": (columns(SimpleImputer(), one_hot()), GradientBoostingClassifier(n_estimators=15), late, 0.1),
    "imputed texts": (
        columns(SimpleImputer(strategy="median"), make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot())),
        RandomForestRegressor(12),
        target,
        0.1,
    ),
    "ordinal": (
        columns("passthrough", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)),
        RandomForestRegressor(12),
        target,
        0.0,
    ),
    "strict ordinal, scaled forest": (columns(StandardScaler(), OrdinalEncoder()), RandomForestRegressor(12), target, 0.0),
    "ordinal, categories of histogram": (
        columns("passthrough", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)),
        HistGradientBoostingClassifier(max_iter=10, categorical_features=[3, 4]),
        late,
        0.1,
    ),
    "selected by type": (
        ColumnTransformer(
            [("n", StandardScaler(), make_column_selector(dtype_include="number")), ("t", one_hot(), ["carrier"])], remainder="drop"
        ),
        LinearRegression(),
        target,
        0.0,
    ),
    "numbers as categories": (
        ColumnTransformer([("h", OneHotEncoder(), ["hour"]), ("n", StandardScaler(), ["delay", "distance"])]),
        LogisticRegression(),
        late,
        0.0,
    ),
    "missing indicator": (
        columns(SimpleImputer(add_indicator=True), OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        MLPRegressor(hidden_layer_sizes=(8,), max_iter=20),
        target,
        0.1,
    ),
}


@pytest.mark.parametrize("case", MIXED)
@pytest.mark.filterwarnings("ignore")
def test_texts_and_numbers(case: str, tmp_path: Path) -> None:
    before, last, wanted, nulls = MIXED[case]
    sample, unseen = of_flights(nulls)
    publish_and_check(make_pipeline(before, last).fit(sample, wanted(sample)), sample, unseen, tmp_path)


def test_categories_of_histogram_by_position(tmp_path: Path) -> None:
    """The trap: converted, they were off by 1.1; hours that training did not have count as missing."""
    sample, unseen = of_flights(nulls=0.1)
    sample, unseen = sample[NUMBERS], unseen[NUMBERS]
    sample = sample[~sample["hour"].isin([3, 7])]
    model = HistGradientBoostingRegressor(max_iter=15, categorical_features=[2]).fit(sample, target(sample))
    publish_and_check(model, sample, unseen, tmp_path)


def test_categories_of_histogram_by_type(tmp_path: Path) -> None:
    sample, unseen = of_flights(nulls=0.1)
    for frame in (sample, unseen):
        for name in TEXTS:
            frame[name] = pd.Categorical(frame[name], categories=sorted(flights(800, 0)[name].unique()))
    model = HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype").fit(sample, late(sample))
    publish_and_check(model, sample, unseen, tmp_path)


def of_every_type(rows: int, seed: int) -> pd.DataFrame:
    """Booleans with and without nulls, small and unsigned integers, float32."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "weekend": random.random(rows) < 0.3,
            "holiday": pd.array([None if value < 0.1 else value < 0.3 for value in random.random(rows)], "boolean"),
            "gate": random.integers(0, 100, rows).astype(np.int8),
            "seats": random.integers(50, 400, rows).astype(np.uint16),
            "wind": random.normal(10, 5, rows).astype(np.float32),
        }
    )


@pytest.mark.parametrize("last", [LogisticRegression(max_iter=500), HistGradientBoostingClassifier(max_iter=10)])
@pytest.mark.filterwarnings("ignore")
def test_columns_of_every_type(last: Any, tmp_path: Path) -> None:
    sample, unseen = of_every_type(600, 0), of_every_type(UNSEEN_ROWS, 1)
    wanted = np.where(sample["wind"] + sample["gate"] / 10 + sample["weekend"] > 15, "late", "on time")
    model = make_pipeline(SimpleImputer(strategy="most_frequent"), StandardScaler(), last).fit(sample.astype(float), wanted)
    manifest = publish_and_check(model, sample, unseen, tmp_path)
    assert [field.type for field in manifest.signature.inputs] == ["bool", "bool", "int8", "uint16", "float32"]
    assert manifest.signature.inputs[1].nullable


def test_a_matrix_without_names(tmp_path: Path) -> None:
    sample, unseen = of_numbers()
    model = LinearRegression().fit(sample.to_numpy(), target(sample))
    publish_and_check(model, sample, unseen, tmp_path)
