"""LightGBM and XGBoost: the package equals the library's own predict on 20,000 rows that the sample does not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost

from instream.formats import load
from instream.publishing import publish
from tests.publishing.zoo import UNSEEN_ROWS, Shelf, flights, late, numbers, publish_and_check, target, three, with_nulls

pytestmark = pytest.mark.slow


def holed() -> tuple[pd.DataFrame, pd.DataFrame]:
    return with_nulls(numbers(600, 0), 2), with_nulls(numbers(UNSEEN_ROWS, 1), 3)


def categorical() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two columns of pandas categories, nulls in one of them and in two columns of numbers."""
    frames = []
    for rows, seed in ((800, 0), (UNSEEN_ROWS, 1)):
        frame = with_nulls(flights(rows, seed), seed + 2, "delay", "carrier", "hour")
        frame["carrier"] = pd.Categorical(frame["carrier"], categories=["WN", "UA", "DL", "B6", "AA"])
        frame["origin"] = pd.Categorical(frame["origin"], categories=["EWR", "JFK", "LGA"])
        frames.append(frame)
    return frames[0], frames[1]


def is_late(frame: pd.DataFrame) -> Any:
    return (target(frame) > 0).astype(int)


CASES = {
    "lightgbm, missing": (lightgbm.LGBMClassifier(n_estimators=15, verbose=-1), holed, late),
    "lightgbm, categories, three": (lightgbm.LGBMClassifier(n_estimators=15, verbose=-1), categorical, three),
    "lightgbm, categories, regression": (lightgbm.LGBMRegressor(n_estimators=15, verbose=-1), categorical, target),
    "xgboost, missing": (xgboost.XGBClassifier(n_estimators=15), holed, is_late),
    "xgboost, missing, three": (xgboost.XGBClassifier(n_estimators=15), holed, three),
    "xgboost, missing, regression": (xgboost.XGBRegressor(n_estimators=15), holed, target),
    "xgboost, categories": (xgboost.XGBRegressor(n_estimators=15, enable_categorical=True), categorical, target),
}


@pytest.mark.parametrize("case", CASES)
def test_unseen_rows(case: str, tmp_path: Path) -> None:
    model, frames, wanted = CASES[case]
    sample, unseen = frames()
    publish_and_check(model.fit(sample, wanted(sample)), sample, unseen, tmp_path)


def test_early_stopping_counts_the_best_rounds_only(tmp_path: Path) -> None:
    sample, unseen = numbers(600, 0), numbers(2_000, 1)
    model = xgboost.XGBRegressor(n_estimators=60, learning_rate=0.9, early_stopping_rounds=2)
    noise = np.random.default_rng(0).normal(size=200)
    model.fit(sample, target(sample), eval_set=[(sample[:200], target(sample)[:200] + noise)], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    publish_and_check(model, sample, unseen, tmp_path)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_files(library: str, tmp_path: Path) -> None:
    """A saved booster has no classes: 0 and 1."""
    sample, unseen = numbers(600, 0), numbers(500, 1)
    path = tmp_path / {"lightgbm": "model.txt", "xgboost": "model.json"}[library]
    if library == "lightgbm":
        model: Any = lightgbm.LGBMClassifier(n_estimators=15, verbose=-1).fit(sample, is_late(sample))
        model.booster_.save_model(path)
    else:
        model = xgboost.XGBClassifier(n_estimators=15).fit(sample, is_late(sample))
        model.save_model(path)
    shelf = Shelf(tmp_path)
    publish(path, name="model", sample=sample, store=shelf)
    assert shelf.package is not None
    got = load(shelf.package).score(pa.RecordBatch.from_pandas(unseen))
    assert got.column("label").to_pylist() == model.predict(unseen).tolist()
    np.testing.assert_allclose(np.stack(got.column("probabilities").to_pylist()), model.predict_proba(unseen), atol=1e-6)


def test_xgboost_refuses_a_category_that_training_did_not_have(tmp_path: Path) -> None:
    """The library itself answers for it as for some other category."""
    sample, _ = categorical()
    model = xgboost.XGBRegressor(n_estimators=5, enable_categorical=True).fit(sample, target(sample))
    shelf = Shelf(tmp_path)
    publish(model, name="model", sample=sample, store=shelf)
    assert shelf.package is not None
    loaded = load(shelf.package)
    rows = pa.RecordBatch.from_pylist(
        [{"delay": 1.0, "distance": 1.0, "hour": 1.0, "carrier": "XX", "origin": "JFK"}], loaded.signature.requires
    )
    with pytest.raises(ValueError, match="row 0, carrier: 'XX' was not known at training"):
        loaded.score(rows)
