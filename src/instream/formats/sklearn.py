"""Scikit-learn as it is, read by skops: slower, and right for every estimator. The last resort.

Step options: `feed` (`frame` or `matrix`: what the estimator was fitted on), `missing` (`nan` or `none`: what a null
text becomes), `categorical` (columns that become pandas categories, with the categories of the signature), `trusted`
(types that the operator named).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import skops.io
from threadpoolctl import ThreadpoolController

from instream.errors import PackageError
from instream.formats.columns import Array, codes, matrix, numbers
from instream.formats.protocol import Value
from instream.package import Step
from instream.signature import Field, Signature

FRAME, MATRIX = "frame", "matrix"
NAN, NONE = "nan", "none"
_THREADS = ThreadpoolController()


class Feed:
    """Columns of a batch as the data frame or the matrix that an estimator was fitted on."""

    def __init__(self, names: Sequence[str], options: Mapping[str, Any], fields: Sequence[Field]) -> None:
        self._names = tuple(names)
        self._as_frame = options.get("feed", FRAME) == FRAME
        self._missing = None if options.get("missing", NAN) == NONE else np.nan
        by_name = {field.name: field for field in fields}
        self._categorical = {name: pa.array(by_name[name].categories or ()) for name in options.get("categorical", ())}

    def __call__(self, columns: Mapping[str, Value], rows: int) -> Any:
        if self._as_frame:
            return pd.DataFrame({name: self._series(name, columns[name]) for name in self._names}, copy=False)
        if any(_is_text(columns[name]) for name in self._names):
            return np.column_stack([np.asarray(self._plain(columns[name]), object).reshape(rows, -1) for name in self._names])
        single = all(numbers(columns[name]).dtype == np.float32 for name in self._names)
        return matrix(columns, self._names, np.float32 if single else np.float64, rows)

    def _series(self, name: str, column: Value) -> Any:
        known = self._categorical.get(name)
        if known is None:
            return self._plain(column)
        positions = np.nan_to_num(codes(column, known), nan=-1).astype(np.int64)
        return pd.Categorical.from_codes(positions, categories=known.to_pylist())

    def _plain(self, column: Value) -> Array:
        if not _is_text(column) and not (isinstance(column, pa.Array) and pa.types.is_boolean(column.type)):
            return numbers(column)
        values = column if isinstance(column, np.ndarray) else column.to_numpy(zero_copy_only=False)
        if isinstance(column, pa.Array) and column.null_count:
            values = values.astype(object)
            values[np.asarray(column.is_null())] = self._missing
        return np.asarray(values)


class SklearnModel:
    """An estimator; each output of the step is one of its methods."""

    def __init__(self, estimator: Any, step: Step, signature: Signature, nbytes: int) -> None:
        self.nbytes = nbytes
        names = tuple(name for names in step.inputs.values() for name in names)
        self._feed = Feed(names, step.options, signature.inputs)
        self._methods = [(getattr(estimator, method), column) for method, column in step.outputs.items()]

    def run(self, columns: Mapping[str, Value], rows: int) -> Mapping[str, Value]:
        fed = self._feed(columns, rows)
        with _THREADS.limit(limits=1):
            return {column: _array(method(fed), rows) for method, column in self._methods}


def load(path: Path, step: Step, signature: Signature) -> SklearnModel:
    """Read a .skops file. Raises PackageError when it holds a type that the package does not name as trusted."""
    trusted = tuple(step.options.get("trusted", ()))  # type: ignore[arg-type]
    try:
        estimator = skops.io.load(path, trusted=list(trusted))
    except ImportError as error:
        raise PackageError(f"{path.name}: a type of the model is not installed here: {error}; install the module that has it") from error
    except Exception as error:  # skops and the estimators' own __setstate__ raise whatever they like
        raise PackageError(f"{path.name}: skops cannot read it: {error}") from error
    one_thread(estimator)
    return SklearnModel(estimator, step, signature, path.stat().st_size + (1 << 20))  # measured: 0.8 to 1.0 of the file


def one_thread(estimator: Any) -> None:
    """Set `n_jobs` to 1 wherever it is a parameter: parallelism is processes."""
    if hasattr(estimator, "get_params"):
        jobs = {name: 1 for name in estimator.get_params() if name == "n_jobs" or name.endswith("__n_jobs")}
        if jobs:
            estimator.set_params(**jobs)


def _array(value: Any, rows: int) -> Array:
    given = np.asarray(value)
    if given.shape[:1] != (rows,):
        raise ValueError(f"the estimator gave shape {given.shape} for {rows} rows")
    return given


def _is_text(column: Value) -> bool:
    return column.dtype.kind in "OUT" if isinstance(column, np.ndarray) else pa.types.is_string(column.type)
