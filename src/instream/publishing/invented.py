"""Rows for a model that comes without a sample: an ONNX graph says what it reads, and only it does."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from instream.errors import ConversionRefused, MissingExtra, PackageError

_ROWS = 64


def invented_rows(model: Any) -> pa.RecordBatch:
    """A column for each input of the graph, with its name: numbers of a normal distribution, rounded where they are whole.

    Args:
        model: the path of an .onnx file.
    Raises:
        ConversionRefused: it is none, or leaves open how many numbers a row has.
        MissingExtra: onnxruntime is not installed.
    """
    if not isinstance(model, str | Path) or Path(model).suffix != ".onnx":
        raise ConversionRefused(f"model {model}: its types are known only by rows: say --sample FILE (.parquet, .csv or .jsonl)")
    path = Path(model)
    if not path.is_file():
        raise ConversionRefused(f"model {path}: no such file")
    try:
        onnx = importlib.import_module("instream.formats.onnx")
    except ModuleNotFoundError as error:
        raise MissingExtra("an .onnx file", "onnx") from error
    random = np.random.default_rng(0)
    try:
        session = onnx.open_session(path, path.name)
        columns = {each.name: _column(each.name, onnx.dtype_of(each), each.shape[1:], random) for each in session.get_inputs()}
    except PackageError as error:
        raise ConversionRefused(str(error)) from error
    return pa.RecordBatch.from_pydict(columns)


def _column(name: str, dtype: type[np.generic], sizes: list[int | str | None], random: np.random.Generator) -> pa.Array:
    if not all(isinstance(size, int) for size in sizes):
        raise ConversionRefused(f"the graph's input {name} leaves open how many values a row has: say --sample FILE with such rows")
    width = int(np.prod([size for size in sizes if isinstance(size, int)], dtype=int))
    if dtype is np.object_:
        return pa.array([["a"] * width] * _ROWS if width > 1 else ["a"] * _ROWS)
    numbers = random.standard_normal((_ROWS, width))
    values = pa.array((numbers > 0 if dtype is np.bool_ else np.abs(numbers)).astype(dtype).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(values, width) if width > 1 else values
