"""Small packages with real ONNX models: linear, slow to load, slow to score, one that refuses rows, one that divides.

Each reads float64 columns and gives `y`, float64.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pyarrow as pa
from onnx import TensorProto, helper, numpy_helper

from instream import golden
from instream.package import FeatureSource, File, Manifest, Package, Step, Tolerance, sha256_of
from instream.signature import Field, Signature

Floats = npt.NDArray[np.float64]

_MODEL = "model.onnx"


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes from `X`, float64 of shape (n, inputs), to `Y`, float64 of shape (n, 1)."""

    inputs: tuple[str, ...]
    nodes: Sequence[onnx.NodeProto]
    constants: Mapping[str, npt.NDArray[np.generic]]

    def model(self) -> onnx.ModelProto:
        """As onnxruntime reads it."""
        graph = helper.make_graph(
            list(self.nodes),
            "graph",
            [helper.make_tensor_value_info("X", TensorProto.DOUBLE, [None, len(self.inputs)])],
            [helper.make_tensor_value_info("Y", TensorProto.DOUBLE, [None, 1])],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def linear(weights: Mapping[str, float], bias: float = 0.0) -> Graph:
    """y = the inputs times their weights, plus a bias."""
    constants = {"W": np.array([[weight] for weight in weights.values()]), "B": np.array([bias])}
    nodes = [helper.make_node("MatMul", ["X", "W"], ["H"]), helper.make_node("Add", ["H", "B"], ["Y"])]
    return Graph(tuple(weights), nodes, constants)


def slow_to_load(weight: float, nodes: int) -> Graph:
    """y = weight * x, after as many constants were folded: about 0.15 ms of loading each, without the GIL."""
    chain = [helper.make_node("Neg", [f"k{i}"], [f"k{i + 1}"]) for i in range(nodes + nodes % 2)]
    last = helper.make_node("Mul", ["X", f"k{nodes + nodes % 2}"], ["Y"])
    return Graph(("x",), [*chain, last], {"k0": np.array([[weight]])})


def slow_to_score(layers: int) -> Graph:
    """y = x, after as many products with an identity of 512 by 512: about 5 ms each for 256 rows."""
    first, last = np.zeros((1, 512)), np.zeros((512, 1))
    first[0, 0] = last[0, 0] = 1.0
    names = ["H0", *(f"H{i + 1}" for i in range(layers))]
    nodes = [helper.make_node("MatMul", ["X", "first"], ["H0"])]
    nodes += [helper.make_node("MatMul", [before, "same"], [after]) for before, after in itertools.pairwise(names)]
    nodes.append(helper.make_node("MatMul", [names[-1], "last"], ["Y"]))
    return Graph(("x",), nodes, {"first": first, "same": np.eye(512), "last": last})


def costly_rows(size: int) -> Graph:
    """y = x, after a product of two matrices of this size for each row: a batch costs as much as its rows alone; 540 some 5 ms."""
    nodes = [
        helper.make_node("Reshape", ["X", "shape"], ["column"]),
        helper.make_node("Mul", ["column", "same"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "same"], ["product"]),
        helper.make_node("ReduceMax", ["product"], ["Y0"], axes=[1, 2], keepdims=0),
        helper.make_node("Reshape", ["Y0", "flat"], ["Y"]),
    ]
    constants = {"same": np.eye(size), "shape": np.array([-1, 1, 1]), "flat": np.array([-1, 1])}
    return Graph(("x",), nodes, constants)


def lookup(values: Sequence[float]) -> Graph:
    """y = values[x]; onnxruntime raises for a batch with any x outside."""
    nodes = [
        helper.make_node("Cast", ["X"], ["I"], to=TensorProto.INT64),
        helper.make_node("Gather", ["values", "I"], ["Y"], axis=0),
    ]
    return Graph(("x",), [nodes[0], nodes[1]], {"values": np.array(values)})


def reciprocal() -> Graph:
    """y = 1 / x: not finite for 0."""
    return Graph(("x",), [helper.make_node("Reciprocal", ["X"], ["Y"])], {})


@dataclass(frozen=True, slots=True)
class Extras:
    """What a package may have besides its graph.

    Attributes:
        outputs: the output's name.
        nullable: inputs that may be null (the model sees NaN).
        output_nullable: the output may be not finite.
        features: a source file with `make`, which gives the graph's inputs from `raw`, `feature_factor` times as large.
        golden_error: added to the golden outputs, which the model then does not reproduce.
    """

    output: str = "y"
    nullable: tuple[str, ...] = ()
    output_nullable: bool = False
    features: str = ""
    raw: tuple[str, ...] = ()
    feature_factor: float = 1.0
    golden_error: float = 0.0


def onnx_package(folder: Path, graph: Graph, *, name: str = "delay", extras: Extras = Extras()) -> Package:
    """Make a package, with golden rows that onnxruntime scored, in a new folder inside `folder`."""
    encoded = graph.model().SerializeToString()
    made = folder / hashlib.sha256(encoded + repr((name, extras)).encode()).hexdigest()[:16]
    made.mkdir(parents=True)
    (made / _MODEL).write_bytes(encoded)
    rows, truth = _golden_rows(made / _MODEL, len(graph.inputs), extras.feature_factor)
    raw = _batch(extras.raw or graph.inputs, rows)
    outputs = pa.RecordBatch.from_pydict({extras.output: truth + extras.golden_error})
    kept = golden.write(made, raw, outputs, {extras.output: Tolerance()})
    files = [_MODEL, golden.INPUTS, golden.OUTPUTS]
    features = None
    if extras.features:
        (made / "features.py").write_text(extras.features)
        files.append("features.py")
        features = FeatureSource("features.py", "make", _fields(extras.raw, extras.nullable))
    manifest = Manifest(
        name=name,
        signature=Signature(_fields(graph.inputs, extras.nullable), (Field(extras.output, "float64", extras.output_nullable),)),
        steps=(Step("onnx", _MODEL, {"X": graph.inputs}, {"Y": extras.output}),),
        files=tuple(File(file, (made / file).stat().st_size, sha256_of(made / file)) for file in files),
        golden=kept,
        features=features,
        provenance={"onnxruntime": ort.__version__},
    )
    return Package(manifest, made)


def linear_package(folder: Path, weight: float, bias: float = 0.0, name: str = "delay") -> Package:
    """y = weight * x + bias."""
    return onnx_package(folder, linear({"x": weight}, bias), name=name)


def xs(*values: float | None) -> pa.RecordBatch:
    """A batch with the one column x."""
    return pa.RecordBatch.from_pydict({"x": pa.array(values, pa.float64())})


def _golden_rows(path: Path, width: int, factor: float) -> tuple[Floats, Floats]:
    """Rows of small whole numbers from 1, as every graph here takes them, and what the graph gives for `factor` times them."""
    rows = np.arange(1, 1 + 4 * width, dtype=np.float64).reshape(-1, width) % 4 + 1
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return rows, np.asarray(session.run(["Y"], {"X": rows * factor})[0]).reshape(-1)


def _batch(names: Sequence[str], rows: Floats) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(np.ascontiguousarray(rows[:, at])) for at in range(len(names))], names=list(names))


def _fields(names: Sequence[str], nullable: Sequence[str]) -> tuple[Field, ...]:
    return tuple(Field(name, "float64", name in nullable) for name in names)
