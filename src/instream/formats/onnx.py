"""ONNX, by onnxruntime: one thread, operators in sequence."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # its builds may report home; read at import
import onnxruntime as ort

from instream.errors import PackageError
from instream.formats.columns import Array, matrix, texts
from instream.formats.protocol import Value
from instream.package import Step
from instream.signature import Signature

DTYPES: Mapping[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int8)": np.int8,
    "tensor(int16)": np.int16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
    "tensor(uint16)": np.uint16,
    "tensor(uint32)": np.uint32,
    "tensor(uint64)": np.uint64,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}
_HEAD_BYTES = 64 << 10

NULL = "null"
"""Step option: the text that stands for a null in a text tensor, since those know no null; without it a null fails."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the graph: the columns that make it, its dtype, and its shape after the rows."""

    name: str
    columns: tuple[str, ...]
    dtype: Any
    shape: tuple[int, ...]


class OnnxModel:
    """A session, and what to feed it."""

    def __init__(self, session: ort.InferenceSession, inputs: Sequence[Input], step: Step, nbytes: int) -> None:
        self.nbytes = nbytes
        self._session = session
        self._inputs = tuple(inputs)
        self._wanted = list(step.outputs)
        self._given = list(step.outputs.values())
        null = step.options.get(NULL)
        self._null = None if null is None else str(null)

    def run(self, columns: Mapping[str, Value], rows: int) -> Mapping[str, Value]:
        feed = {each.name: self._tensor(each, columns, rows) for each in self._inputs}
        return dict(zip(self._given, self._session.run(self._wanted, feed), strict=True))

    def _tensor(self, each: Input, columns: Mapping[str, Value], rows: int) -> Array:
        if each.dtype is np.object_:
            packed = texts(columns, each.columns, self._null, rows)
        else:
            packed = matrix(columns, each.columns, each.dtype, rows)
        return packed if len(each.shape) == 1 else packed.reshape(rows, *each.shape)


def load(path: Path, step: Step, signature: Signature) -> OnnxModel:
    """Read a graph. Raises PackageError when it cannot be run or has other inputs or outputs than the step says."""
    session = open_session(path, path.name)
    return OnnxModel(session, inputs_of(session, step, path.name), step, memory_of(path))


def memory_of(path: Path) -> int:
    """Bytes that a session keeps: measured as 4.3 to 4.6 times the file for forests, 2 MB for a network of 1 MB.

    Only the head is looked at, where an operator's name stands before its trees: to search 200 MB would hold the GIL.
    """
    with path.open("rb") as stream:
        factor = 5 if b"TreeEnsemble" in stream.read(_HEAD_BYTES) else 1
    return factor * path.stat().st_size + (1 << 20)


def inputs_of(session: ort.InferenceSession, step: Step, file: str) -> Sequence[Input]:
    """What to feed a session. Raises PackageError when the graph has other inputs or outputs than the step says."""
    found = {each.name: each for each in session.get_inputs()}
    if set(found) != set(step.inputs):
        raise PackageError(f"{file}: the graph reads {sorted(found)}, the step feeds {sorted(step.inputs)}")
    if absent := set(step.outputs) - {each.name for each in session.get_outputs()}:
        raise PackageError(f"{file}: the graph has no output {', '.join(sorted(absent))}")
    return [Input(name, step.inputs[name], dtype_of(each), _shape(each.shape)) for name, each in found.items()]


def open_session(model: Path | bytes, file: str) -> ort.InferenceSession:
    """A session with one thread. Raises PackageError when onnxruntime cannot read the graph."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4  # what goes wrong is raised; standard error is the log's
    try:
        return ort.InferenceSession(model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own types, one for each status, below Exception
        raise PackageError(f"{file}: onnxruntime {ort.__version__} cannot load it: {error}") from error


def dtype_of(each: Any) -> Any:
    """numpy's type for an input or output of a session. Raises PackageError for sequences and maps."""
    if each.type not in DTYPES:
        raise PackageError(f"{each.name} is {each.type}: only tensors can be used (for scikit-learn, convert with zipmap=False)")
    return DTYPES[each.type]


def _shape(shape: Sequence[int | str | None]) -> tuple[int, ...]:
    """The shape of one row: () for one value, -1 for a size that the graph leaves open (the first of several)."""
    sizes = [size if isinstance(size, int) else -1 for size in shape[1:]]
    return tuple(sizes)
