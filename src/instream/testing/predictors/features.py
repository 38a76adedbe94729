"""A feature step that travels with its model."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from instream.failures import Code
from instream.package import Package
from instream.stores import Store
from instream.testing.models import Extras, linear, onnx_package
from instream.testing.predictors.fixtures import PredictorFixtures, Start, follows, promoted, until, versions_of, y_of

_SOURCE = """
import numpy as np
import pyarrow as pa

def make(batch):
    miles = batch.column("miles").to_numpy(zero_copy_only=False)
    if (miles < 0).any():
        raise ValueError("negative distance")
    kept = np.flatnonzero(miles < 1_000)
    return pa.RecordBatch.from_pydict({"x": pa.array(miles[kept] * FACTOR), "__row": pa.array(kept)})
"""


def paired(folder: Path, factor: float, weight: float) -> Package:
    """Reads miles; x = factor * miles; y = weight * x."""
    graph = linear({"x": weight})
    extras = Extras(features=_SOURCE.replace("FACTOR", repr(factor)), raw=("miles",), feature_factor=factor)
    return onnx_package(folder, graph, extras=extras)


def miles(*values: float) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"miles": pa.array(values, pa.float64())})


class FeatureLaws(PredictorFixtures):
    """Law 3 for a pair of feature step and model."""

    def test_the_published_step_runs_inside_the_snapshot(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 1: rows that the step leaves out are filtered, rows that it cannot take fail, the others keep their place."""
        store.put(paired(tmp_path, 2.0, 10.0))
        predictor = start(features={"function": "package"})
        assert predictor.requires.names == ["miles"]
        prediction = predictor.predict(miles(1, 5_000, -1, 3))
        assert y_of(prediction) == [20.0, None, None, 60.0]
        assert prediction.failures.rows.tolist() == [1, 2]
        assert list(prediction.failures.codes) == [Code.FILTERED, Code.FEATURES]

    def test_the_pair_moves_together(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 3: no row is made by one version's step and scored by another's model, forwards or back."""
        first, second = store.put(paired(tmp_path, 2.0, 10.0)), store.put(paired(tmp_path, 3.0, 100.0))
        predictor = start(features={"function": "package"})
        for version, answer in ((second, 300.0), (first, 20.0)):
            until(follows(predictor, promoted(store, version)), f"version {version}")
            prediction = predictor.predict(miles(1))
            assert (versions_of(prediction), y_of(prediction)) == ({version}, [answer])
