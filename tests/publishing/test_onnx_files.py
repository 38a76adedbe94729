from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pyarrow as pa
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

from instream.errors import ConversionRefused
from instream.formats import load
from instream.publishing import publish
from tests.publishing.zoo import Shelf, late, numbers

FLOAT, TEXT = onnx.TensorProto.FLOAT, onnx.TensorProto.STRING


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def graph(inputs: dict[str, tuple[int, list[Any]]], nodes: list[Any], outputs: dict[str, tuple[int, list[Any]]]) -> onnx.ModelProto:
    of = onnx.helper.make_tensor_value_info
    ends = ([of(name, *kind) for name, kind in inputs.items()], [of(name, *kind) for name, kind in outputs.items()])
    made = onnx.helper.make_graph(nodes, "g", *ends)
    return onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 12)], ir_version=8)


def row_sum(shape: list[Any]) -> onnx.ModelProto:
    node = onnx.helper.make_node("ReduceSum", ["x"], ["prediction"], axes=[1])
    return graph({"x": (FLOAT, shape)}, [node], {"prediction": (FLOAT, [shape[0], 1])})


def test_scalar_columns_of_a_file(shelf: Shelf, tmp_path: Path) -> None:
    """Eight float64 columns for one float32 matrix; the output keeps its name and type."""
    onnx.save(row_sum([None, 8]), tmp_path / "model.onnx")
    sample = numbers(50, 0, 8)
    manifest = publish(tmp_path / "model.onnx", name="sum", sample=sample, store=shelf).manifest
    assert [(field.name, field.type) for field in manifest.signature.inputs] == [(f"f{i}", "float64") for i in range(8)]
    assert [(field.name, field.type) for field in manifest.signature.outputs] == [("prediction", "float32")]
    assert shelf.package is not None
    got = load(shelf.package).score(pa.RecordBatch.from_pandas(sample))["prediction"].to_numpy()
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    np.testing.assert_array_equal(got, session.run(None, {"x": sample.to_numpy(np.float32)})[0][:, 0])


def test_several_inputs_by_name(shelf: Shelf) -> None:
    nodes = [onnx.helper.make_node("Add", ["a", "b"], ["y"]), onnx.helper.make_node("Identity", ["t"], ["said"])]
    model = graph(
        {"a": (FLOAT, [None, 2]), "b": (FLOAT, [None, 1]), "t": (TEXT, [None])}, nodes, {"y": (FLOAT, [None, 2]), "said": (TEXT, [None])}
    )
    sample = [{"t": "x", "b": 1.0, "a": [1.0, 2.0]}, {"t": "y", "b": 2.0, "a": [3.0, 4.0]}]
    manifest = publish(model, name="m", sample=sample, store=shelf).manifest
    assert [(f.name, f.type, f.nullable) for f in manifest.signature.inputs] == [
        ("a", "float64[2]", False),
        ("b", "float64", False),
        ("t", "string", False),
    ]
    assert [(field.name, field.type) for field in manifest.signature.outputs] == [("y", "float32[2]"), ("said", "string")]
    assert shelf.package is not None
    loaded = load(shelf.package)
    got = loaded.score(pa.RecordBatch.from_pylist(sample, loaded.signature.requires))
    assert got.to_pylist() == [{"y": [2.0, 3.0], "said": "x"}, {"y": [5.0, 6.0], "said": "y"}]


def zipped() -> onnx.ModelProto:
    sample = numbers(50, 0, 8)
    model: onnx.ModelProto = to_onnx(LogisticRegression().fit(sample.to_numpy(), late(sample)), sample.to_numpy(np.float32))
    return model


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (lambda: row_sum([None, 9]), "takes 9 values a row, the sample has 8"),
        (lambda: row_sum([1, 8]), "takes exactly 1 rows: export it with a dynamic first dimension"),
        (lambda: graph({"u": (FLOAT, [None, 1]), "v": (FLOAT, [None, 1])}, [onnx.helper.make_node("Add", ["u", "v"], ["y"])],
                       {"y": (FLOAT, [None, 1])}), "the graph reads u, v, which the sample does not have"),
        (zipped, "convert with zipmap=False"),
        (lambda: graph({"x": (FLOAT, [None, 8])}, [onnx.helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)], {"y": (FLOAT, [])}),
         "one value or list a row was expected"),
    ],
)  # fmt: skip
def test_graphs_that_cannot_be_used(model: Any, said: str, shelf: Shelf) -> None:
    with pytest.raises(ConversionRefused, match=said):
        publish(model(), name="m", sample=numbers(50, 0, 8), store=shelf)


def test_a_null_that_the_graph_does_not_know(shelf: Shelf) -> None:
    sample = numbers(50, 0, 8)
    sample.loc[3, "f2"] = None
    manifest = publish(row_sum([None, 8]), name="m", sample=sample, store=shelf).manifest
    assert [field.nullable for field in manifest.signature.inputs] == [index == 2 for index in range(8)]


def test_a_sample_of_texts_with_nulls_is_refused(shelf: Shelf) -> None:
    model = graph({"t": (TEXT, [None, 1])}, [onnx.helper.make_node("Identity", ["t"], ["said"])], {"said": (TEXT, [None, 1])})
    with pytest.raises(ConversionRefused, match="t has a null"):
        publish(model, name="m", sample=pd.DataFrame({"t": ["a", None]}), store=shelf)
