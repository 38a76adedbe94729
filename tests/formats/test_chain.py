from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest

from instream.errors import PackageError
from instream.formats import load_chain
from instream.package import Step
from instream.signature import Field, Signature

ONE = Signature((Field("a", "float64"), Field("b", "int64")), (Field("y", "float64"),))


def graph(folder: Path, inputs: Mapping[str, tuple[int, list[Any]]], nodes: list[Any], output: tuple[int, list[Any]]) -> Path:
    """An ONNX file with the output `y`."""
    of = onnx.helper.make_tensor_value_info
    made = onnx.helper.make_graph(nodes, "g", [of(name, *kind) for name, kind in inputs.items()], [of("y", *output)])
    path = folder / "g.onnx"
    path.write_bytes(onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 12)], ir_version=9).SerializeToString())
    return path


def row_sum(folder: Path, kind: int = onnx.TensorProto.FLOAT) -> Path:
    return graph(folder, {"x": (kind, [None, 2])}, [onnx.helper.make_node("ReduceSum", ["x"], ["y"], axes=[1])], (kind, [None, 1]))


def chain_of(folder: Path, path: Path, inputs: Mapping[str, tuple[str, ...]], signature: Signature = ONE, **options: Any) -> Any:
    return load_chain(signature, [Step("onnx", path.name, inputs, {"y": "y"}, options)], {path.name: path})


def identity(folder: Path, kind: int, shape: list[Any]) -> Path:
    return graph(folder, {"x": (kind, shape)}, [onnx.helper.make_node("Identity", ["x"], ["y"])], (kind, shape))


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "bool"])
def test_scalars_of_every_type(kind: str, tmp_path: Path) -> None:
    tensor = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    signature = Signature((Field("a", kind),), (Field("y", kind),))
    chain = chain_of(tmp_path, identity(tmp_path, tensor, [None, 1]), {"x": ("a",)}, signature)
    batch = pa.RecordBatch.from_pylist([{"a": True}, {"a": False}] if kind == "bool" else [{"a": 1}, {"a": 0}], signature.requires)
    assert chain.score(batch)["y"].to_pylist() == batch["a"].to_pylist()


@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
@pytest.mark.parametrize("shape", [[None, 3], [None, 3, 1], [None, "n"]])
def test_lists(kind: str, shape: list[Any], tmp_path: Path) -> None:
    signature = Signature((Field("a", f"{kind}[3]"),), (Field("y", f"{kind}[3]"),))
    tensor = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    chain = chain_of(tmp_path, identity(tmp_path, tensor, shape), {"x": ("a",)}, signature)
    batch = pa.RecordBatch.from_pylist([{"a": [i, i + 1, i + 2]} for i in range(5)], signature.requires)
    assert chain.score(batch.slice(1, 3))["y"].to_pylist() == batch["a"].to_pylist()[1:4]


def test_texts_and_their_nulls(tmp_path: Path) -> None:
    signature = Signature((Field("a", "string", nullable=True),), (Field("y", "string"),))
    path = identity(tmp_path, onnx.TensorProto.STRING, [None, 1])
    batch = pa.RecordBatch.from_pylist([{"a": "é"}, {"a": None}, {"a": ""}], signature.requires)
    assert chain_of(tmp_path, path, {"x": ("a",)}, signature, null="nothing").score(batch)["y"].to_pylist() == ["é", "nothing", ""]
    with pytest.raises(ValueError, match="a has a null"):
        chain_of(tmp_path, path, {"x": ("a",)}, signature).score(batch)


def test_nulls_are_nan_where_the_graph_reads_floats(tmp_path: Path) -> None:
    signature = Signature((Field("a", "int64", nullable=True),), (Field("y", "float64"),))
    chain = chain_of(tmp_path, identity(tmp_path, onnx.TensorProto.FLOAT, [None, 1]), {"x": ("a",)}, signature)
    got = chain.score(pa.RecordBatch.from_pylist([{"a": 1}, {"a": None}], signature.requires))["y"].to_numpy()
    assert got[0] == 1
    assert np.isnan(got[1])


def test_a_null_where_the_graph_reads_integers(tmp_path: Path) -> None:
    signature = Signature((Field("a", "int64", nullable=True),), (Field("y", "int64"),))
    chain = chain_of(tmp_path, identity(tmp_path, onnx.TensorProto.INT64, [None, 1]), {"x": ("a",)}, signature)
    with pytest.raises(ValueError, match="a has a null"):
        chain.score(pa.RecordBatch.from_pylist([{"a": 1}, {"a": None}], signature.requires))


def test_a_number_too_large_for_the_graph_is_refused(tmp_path: Path) -> None:
    """As float32 it would be an infinity, and the answer something else."""
    chain = chain_of(tmp_path, row_sum(tmp_path), {"x": ("a", "b")})
    with pytest.raises(ValueError, match=r"row 1, a: 1e\+39 is too large for float32"):
        chain.score(pa.RecordBatch.from_pylist([{"a": 0.0, "b": 1}, {"a": 1e39, "b": 1}], ONE.requires))


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"x": ("a", "c")}, "reads 'c', which is neither an input nor given by an earlier step"),
        ({"z": ("a", "b")}, r"the graph reads \['x'\], the step feeds \['z'\]"),
    ],
)
def test_steps_that_do_not_fit(inputs: Mapping[str, tuple[str, ...]], said: str, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=said):
        chain_of(tmp_path, row_sum(tmp_path), inputs)


def test_an_output_that_no_step_gives(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="no step gives the output z"):
        chain_of(tmp_path, row_sum(tmp_path), {"x": ("a", "b")}, Signature(ONE.inputs, (Field("z", "float64"),)))


def test_a_format_from_the_future(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="format 'onyx' is unknown"):
        load_chain(ONE, [Step("onyx", "m", {}, {"y": "y"})], {"m": tmp_path / "m"})


@pytest.mark.parametrize("format", ["onnx", "treelite", "sklearn", "lightgbm", "xgboost"])
def test_a_broken_file(format: str, tmp_path: Path) -> None:
    """Law 4: whatever a library does with broken bytes becomes an error that names the file."""
    (tmp_path / "m").write_bytes(b"not a model")
    with pytest.raises(PackageError, match=r"^m: "):
        load_chain(ONE, [Step(format, "m", {"x": ("a", "b")}, {"prediction": "y"})], {"m": tmp_path / "m"})
