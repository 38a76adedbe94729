"""Estimators, data and the check that every trap is held to: equal to the original on 20,000 rows that it never saw."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from instream.formats import load
from instream.package import Manifest, Package, Version
from instream.publishing import Published, publish

UNSEEN_ROWS = 20_000


class Shelf:
    """A store of one package, checked as a store checks it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package: Package | None = None

    def put(self, package: Package) -> Version:
        package.verify()
        place = self.folder / package.manifest.digest
        shutil.copytree(package.folder, place, dirs_exist_ok=True)
        self.package = Package(package.manifest, place)
        return Version(1)


def flights(rows: int, seed: int) -> pd.DataFrame:
    """Numbers of several scales and kinds, texts, no nulls."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "delay": random.normal(10, 40, rows).round(),
            "distance": random.gamma(2, 500, rows),
            "hour": random.integers(0, 24, rows),
            "carrier": random.choice(["AA", "B6", "DL", "UA", "WN"], rows),
            "origin": random.choice(["EWR", "JFK", "LGA"], rows),
        }
    )


def numbers(rows: int, seed: int, columns: int = 6) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(random.normal(0, 1, (rows, columns)), columns=[f"f{i}" for i in range(columns)])


def with_nulls(frame: pd.DataFrame, seed: int, *columns: str, share: float = 0.1) -> pd.DataFrame:
    """The same rows with nulls in some columns, or in all."""
    random = np.random.default_rng(seed)
    holed = frame.copy()
    for name in columns or tuple(frame.columns):
        if holed[name].dtype.kind == "i":
            holed[name] = holed[name].astype(float)
        holed.loc[random.random(len(frame)) < share, name] = None
    return holed


def target(frame: pd.DataFrame) -> Any:
    """A number that every column has a part in."""
    total = np.zeros(len(frame))
    for place, name in enumerate(frame.columns):
        column = frame[name]
        values = column.to_numpy(float) if pd.api.types.is_numeric_dtype(column) else column.astype("category").cat.codes.to_numpy(float)
        values = np.nan_to_num(values, nan=float(np.nanmean(values)))
        total += (values - values.mean()) / (values.std() + 1e-9) * (1 + place % 3)
    return total


def late(frame: pd.DataFrame) -> Any:
    return np.where(target(frame) > 0, "late", "on time")


def three(frame: pd.DataFrame) -> Any:
    return np.digitize(target(frame), [-1, 1])


def publish_and_check(model: Any, sample: pd.DataFrame, unseen: pd.DataFrame, folder: Path, **options: Any) -> Manifest:
    """Publish with a sample, then compare the package with the estimator itself on other rows."""
    shelf = Shelf(folder)
    published: Published = publish(model, name="model", sample=sample, store=shelf, **options)
    assert shelf.package is not None
    loaded = load(shelf.package)
    batch = pa.RecordBatch.from_pandas(unseen, preserve_index=False)
    batch = pa.RecordBatch.from_arrays(
        [
            column.cast(loaded.signature.requires.field(name).type) if name in loaded.signature.requires.names else column
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ],
        batch.schema.names,
    )
    check_equal(model, unseen, loaded.score(batch))
    return published.manifest


def check_equal(model: Any, unseen: pd.DataFrame, got: pa.RecordBatch) -> None:
    """By the estimator's own methods and numpy's own comparison."""
    fed = unseen if hasattr(model, "feature_names_in_") else unseen.to_numpy()
    if "probabilities" in got.schema.names:
        expected = model.predict_proba(fed)
        probabilities = np.stack(got.column("probabilities").to_numpy(zero_copy_only=False))
        np.testing.assert_allclose(probabilities, expected, rtol=1e-5, atol=1e-5)
        labels = np.asarray(got.column("label").to_pylist())
        top = np.sort(expected, axis=1)
        clear = top[:, -1] - top[:, -2] >= 2e-5
        np.testing.assert_array_equal(labels[clear], model.predict(fed)[clear])
    elif "label" in got.schema.names:
        np.testing.assert_array_equal(np.asarray(got.column("label").to_pylist()), model.predict(fed))
    else:
        np.testing.assert_allclose(got.column("prediction").to_numpy(), np.ravel(model.predict(fed)), rtol=1e-5, atol=1e-5)
    if "score" in got.schema.names:
        np.testing.assert_allclose(got.column("score").to_numpy(), model.decision_function(fed), rtol=1e-5, atol=1e-5)
