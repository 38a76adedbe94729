"""Rows for a model that comes without a sample: an ONNX graph says what it reads, and only it does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from instream.errors import ConversionRefused, PackageError
from instream.formats.onnx import dtype_of, open_session

_ROWS = 64


def invented_rows(path: Path) -> pa.RecordBatch:
    """A column for each input of the graph, with its name: numbers of a normal distribution, rounded where they are whole.

    Raises:
        ConversionRefused: the file is no ONNX graph, or leaves open how many numbers a row has.
    """
    if path.suffix != ".onnx":
        raise ConversionRefused(f"model {path}: its types are known only by rows: say --sample FILE (.parquet, .csv or .jsonl)")
    if not path.is_file():
        raise ConversionRefused(f"model {path}: no such file")
    random = np.random.default_rng(0)
    try:
        session = open_session(path, path.name)
        columns = {each.name: _column(each.name, dtype_of(each), each.shape[1:], random) for each in session.get_inputs()}
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
