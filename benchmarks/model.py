"""The model of W2 as an ONNX file, quick or slow to load, and published in a store of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa
from onnx import TensorProto, helper, numpy_helper

from benchmarks.workload import NAMES, Layers, rows, weights
from instream.publishing import publish

NAME = "w2"
_SIDE = 1_200
_TRIED = 4


def write_onnx(path: Path, nodes: Sequence[Any] = (), constants: Sequence[Any] = (), layers: Layers | None = None) -> Path:
    """`x` float32 (n, 8) to `prediction` float32 (n, 1); weights are seeded, so every machine has the same file.

    Args:
        layers: of another MLP than that of W2.
        nodes, constants: more of the graph, which gives `idle`, a zero that is added to the answer.
    """
    made, held, flowing = list(nodes), list(constants), "x"
    layers = weights() if layers is None else layers
    for number, (weight, bias) in enumerate(layers):
        held += [numpy_helper.from_array(weight, f"w{number}"), numpy_helper.from_array(bias, f"b{number}")]
        if number:
            made.append(helper.make_node("Relu", [flowing], [f"hidden{number}"]))
            flowing = f"hidden{number}"
        made.append(helper.make_node("Gemm", [flowing, f"w{number}", f"b{number}"], [f"sums{number}"]))
        flowing = f"sums{number}"
    made.append(
        helper.make_node("Add", [flowing, "idle"], ["prediction"]) if nodes else helper.make_node("Identity", [flowing], ["prediction"])
    )
    graph = helper.make_graph(
        made,
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", layers[0][0].shape[0]])],
        [helper.make_tensor_value_info("prediction", TensorProto.FLOAT, ["n", 1])],
        held,
    )
    # Opset 17 and IR 10: every runtime that takes part reads them.
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), str(path))
    return path


def write_slow_onnx(path: Path, load_s: float) -> Path:
    """The same answers, from a graph that takes onnxruntime about so long to load: it multiplies large constants first."""
    _write_multiplying(path, _TRIED)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    began = time.perf_counter()
    onnxruntime.InferenceSession(str(path), options)
    return _write_multiplying(path, max(1, round(_TRIED * load_s / (time.perf_counter() - began))))


def _write_multiplying(path: Path, times: int) -> Path:
    """Powers of a permutation matrix stay finite; what is left of them is multiplied by zero."""
    matrix = np.roll(np.eye(_SIDE, dtype=np.float32), 1, axis=0)
    nodes = [helper.make_node("MatMul", [f"m{i}" if i else "m", "m"], [f"m{i + 1}"]) for i in range(times)]
    nodes += [
        helper.make_node("ReduceMax", [f"m{times}"], ["largest"], keepdims=0),
        helper.make_node("Mul", ["largest", "zero"], ["idle"]),
    ]
    return write_onnx(path, nodes, [numpy_helper.from_array(matrix, "m"), numpy_helper.from_array(np.float32(0), "zero")])


def publish_w2(path: Path, store: str) -> int:
    """Publish an ONNX file as the next version of `w2`; its number."""
    return publish(path, name=NAME, sample=sample(), store=store).version


def sample() -> pa.Table:
    """The first 1,000 rows, one column a number."""
    return pa.table({name: rows()[:1000, i] for i, name in enumerate(NAMES)})
