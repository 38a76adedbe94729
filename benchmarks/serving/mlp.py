"""The model that all servers have: an MLP 32-64-64-1 in ONNX with one input `x` [n, 32], and rows to ask it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.model import write_onnx
from benchmarks.workload import Floats, layers

NAME = "mlp"
WIDTH = 32


def write_mlp(folder: Path) -> Path:
    """The file; servers call the model by its stem."""
    return write_onnx(folder / f"{NAME}.onnx", layers=layers((WIDTH, 64, 64, 1), seed=32_64_64_1))


@cache
def inputs(rows: int) -> Floats:
    """Rows to ask about, float32, shape (rows, WIDTH), of seven digits each, as measured values in JSON are."""
    drawn = np.random.default_rng(rows).standard_normal((rows, WIDTH))
    return drawn.round(7).astype(np.float32)


@cache
def answers(model: Path, rows: int) -> Floats:
    """What onnxruntime says to `inputs(rows)`, float32, shape (rows,)."""
    session = onnxruntime.InferenceSession(str(model))
    predicted: Floats = session.run(None, {"x": inputs(rows)})[0]
    return predicted[:, 0]
