"""Every format under the laws of a loaded model."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pytest
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from instream.package import Package
from instream.publishing import publish
from instream.testing.formats import LoadedModelLaws
from tests.publishing.zoo import Shelf, flights, late, numbers, target, with_nulls

ROWS = 300


def package_of(model: Any, sample: Any, folder: Path, chain: str) -> Package:
    """Publish, and make sure that the test is about the format that it says."""
    shelf = Shelf(folder)
    published = publish(model, name="model", sample=sample, store=shelf)
    assert published.manifest.candidates[-1].chain == chain, published.manifest.candidates
    assert shelf.package is not None
    return shelf.package


def batch_of(frame: pd.DataFrame, package: Package) -> pa.RecordBatch:
    return pa.RecordBatch.from_pandas(frame, schema=package.manifest.signature.requires, preserve_index=False)


def mlp() -> onnx.ModelProto:
    """8-64-64-1 with random weights: float32 in and out."""
    random = np.random.default_rng(0)
    sizes, nodes, weights, last = (8, 64, 64, 1), [], [], "x"
    for layer, (wide, out) in enumerate(itertools.pairwise(sizes)):
        matrix = random.normal(0, wide**-0.5, (wide, out)).astype(np.float32)
        weights += [
            onnx.numpy_helper.from_array(matrix, f"w{layer}"),
            onnx.numpy_helper.from_array(np.zeros(out, np.float32), f"b{layer}"),
        ]
        name = "prediction" if layer == 2 else f"h{layer}"
        nodes.append(onnx.helper.make_node("Gemm", [last, f"w{layer}", f"b{layer}"], [name]))
        if layer < 2:
            nodes.append(onnx.helper.make_node("Relu", [name], [f"r{layer}"]))
        last = f"r{layer}"
    graph = onnx.helper.make_graph(
        nodes,
        "mlp",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 8])],
        [onnx.helper.make_tensor_value_info("prediction", onnx.TensorProto.FLOAT, [None, 1])],
        weights,
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)


class OfNumbers(LoadedModelLaws):
    """Eight numbers, some of them null."""

    nulls = 0.1

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, package: Package) -> pa.RecordBatch:
        frame = numbers(ROWS, 1, 8)
        return batch_of(with_nulls(frame, 2, share=cls.nulls) if cls.nulls else frame, package)


class OfFlights(LoadedModelLaws):
    """Numbers and texts."""

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls, package: Package) -> pa.RecordBatch:
        return batch_of(flights(ROWS, 1), package)


class TestOnnxFile(OfNumbers):
    nulls = 0.0

    @pytest.fixture(scope="class")
    @classmethod
    def package(cls, tmp_path_factory: pytest.TempPathFactory) -> Package:
        return package_of(mlp(), numbers(ROWS, 0, 8), tmp_path_factory.mktemp("onnx"), "onnx")


@pytest.mark.slow
class TestOnnxForest(OfNumbers):
    @pytest.fixture(scope="class")
    @classmethod
    def package(cls, tmp_path_factory: pytest.TempPathFactory) -> Package:
        sample = with_nulls(numbers(ROWS, 0, 8), 1)
        model = RandomForestClassifier(10).fit(sample, late(sample))
        return package_of(model, sample, tmp_path_factory.mktemp("forest"), "onnx float32")


class TestOnnxTexts(OfFlights):
    @pytest.fixture(scope="class")
    @classmethod
    def package(cls, tmp_path_factory: pytest.TempPathFactory) -> Package:
        sample = flights(ROWS, 0)
        before = ColumnTransformer(
            [
                ("n", StandardScaler(), ["delay", "distance", "hour"]),
                ("t", OneHotEncoder(handle_unknown="ignore"), ["carrier", "origin"]),
            ]
        )
        model = make_pipeline(before, LogisticRegression(max_iter=500)).fit(sample, late(sample))
        return package_of(model, sample, tmp_path_factory.mktemp("texts"), "onnx float32")


class TestTreelite(OfNumbers):
    @pytest.fixture(scope="class")
    @classmethod
    def package(cls, tmp_path_factory: pytest.TempPathFactory) -> Package:
        sample = with_nulls(numbers(ROWS, 0, 8), 1)
        model = HistGradientBoostingClassifier(max_iter=10).fit(sample, late(sample))
        return package_of(model, sample, tmp_path_factory.mktemp("treelite"), "treelite")


@pytest.mark.slow
class TestOnnxThenTreelite(OfFlights):
    @pytest.fixture(scope="class")
    @classmethod
    def package(cls, tmp_path_factory: pytest.TempPathFactory) -> Package:
        sample = flights(ROWS, 0)
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        before = ColumnTransformer([("t", encoder, ["carrier", "origin"])], remainder="passthrough")
        last = HistGradientBoostingClassifier(max_iter=10, categorical_features=[0, 1])
        model = make_pipeline(before, last).fit(sample, late(sample))
        return package_of(model, sample, tmp_path_factory.mktemp("chain"), "onnx float64, treelite")


@pytest.mark.slow
class TestSklearn(OfNumbers):
    nulls = 0.0

    @pytest.fixture(scope="class")
    @classmethod
    def package(cls, tmp_path_factory: pytest.TempPathFactory) -> Package:
        sample = numbers(ROWS, 0, 8)
        model = make_pipeline(FunctionTransformer(np.arctan), LinearRegression()).fit(sample, target(sample))
        return package_of(model, sample, tmp_path_factory.mktemp("sklearn"), "scikit-learn")


@pytest.mark.slow
class TestLightGBM(OfFlights):
    @pytest.fixture(scope="class")
    @classmethod
    def package(cls, tmp_path_factory: pytest.TempPathFactory) -> Package:
        sample = flights(ROWS, 0).astype({"carrier": "category", "origin": "category"})
        model = lightgbm.LGBMClassifier(n_estimators=10, verbose=-1).fit(sample, late(sample))
        return package_of(model, sample, tmp_path_factory.mktemp("lightgbm"), "lightgbm")


@pytest.mark.slow
class TestXGBoost(OfFlights):
    @pytest.fixture(scope="class")
    @classmethod
    def package(cls, tmp_path_factory: pytest.TempPathFactory) -> Package:
        sample = flights(ROWS, 0).astype({"carrier": "category", "origin": "category"})
        model = xgboost.XGBRegressor(n_estimators=10, enable_categorical=True).fit(sample, target(sample))
        return package_of(model, sample, tmp_path_factory.mktemp("xgboost"), "xgboost")
