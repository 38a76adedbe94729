"""Run a feature function on a batch so that one bad row costs that row only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from instream.errors import FeaturesInvalid
from instream.failures import Code, Failures, Rows, failures_of
from instream.features.result import Result, WrongShape, batch_from, cast_to, result_from
from instream.flow.bisect import isolate

_SCHEMAS_MAX = 16  # a pipeline has one; every version of a published step has its own


@dataclass(frozen=True, slots=True)
class Applied:
    """What a feature step made of a batch.

    Attributes:
        batch: rows that came through.
        rows: int32, for each row of `batch` the row of the input that it came from; strictly increasing.
        failures: rows of the input for which the function raised or broke its contract.
        filtered: int32, rows of the input that it left out on purpose.
    """

    batch: pa.RecordBatch
    rows: Rows
    failures: Failures
    filtered: Rows


class FeatureStep:
    """A function of a batch that gives a batch with as many rows, or a column `__row` with their source rows.

    The types of its columns are those that it gives for an empty batch; whatever it gives later is cast to them.
    """

    def __init__(self, function: Callable[[pa.RecordBatch], Any], *, name: str, digest: str) -> None:
        self._function = function
        self.name = name
        """As the pipeline file says it; for messages."""
        self.digest = digest
        """SHA-256 of the source file and the function's name, hexadecimal."""
        self._schemas: dict[pa.Schema, pa.Schema] = {}
        self._lock = threading.Lock()

    def output_schema(self, inputs: pa.Schema) -> pa.Schema:
        """The columns that come out for these inputs, learnt from an empty batch.

        A column may be of type null where the function makes its type depend on the rows, as pandas does for texts.

        Raises:
            FeaturesInvalid: the function cannot take an empty batch, or gives something that is no batch.
        """
        if (known := self._schemas.get(inputs)) is not None:
            return known
        empty = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in inputs], schema=inputs)
        try:
            learnt = result_from(self._function(empty), 0).batch.schema
        except Exception as error:  # whatever a feature function raises
            raise FeaturesInvalid(
                f"{self.name}: an empty batch with {_columns(inputs)} makes it raise {type(error).__name__}: {error}. "
                "It must accept one, since its output types are learnt from that"
            ) from error
        with self._lock:
            if len(self._schemas) >= _SCHEMAS_MAX:
                self._schemas.clear()
            self._schemas[inputs] = learnt
        return learnt

    def apply(self, batch: pa.RecordBatch) -> Applied:
        """Run the function; bisect to the rows that make it raise.

        Raises:
            FeaturesInvalid: it gives a wrong number of rows for a batch and the right one for each row alone.
        """
        schema = self.output_schema(batch.schema)
        bad: list[tuple[int, Code, str]] = []
        misshapen: list[WrongShape] = []

        def run(start: int, length: int) -> Result:
            try:
                given = self._function(batch.slice(start, length) if length < batch.num_rows else batch)
                result = result_from(given, length)
                return Result(cast_to(result.batch, schema), result.rows)
            except WrongShape as error:
                misshapen.append(error)
                raise

        def blame(row: int, error: Exception) -> None:
            bad.append((row, Code.FEATURES, f"{self.name}: {type(error).__name__}: {error}"))

        parts = isolate(run, batch.num_rows, blame)
        if misshapen and not bad:
            raise FeaturesInvalid(f"{self.name}: {misshapen[0]}; yet each row alone went well, so it does not work row by row")
        return _joined(parts, batch.num_rows, schema, failures_of(bad))


def _joined(parts: list[tuple[int, int, Result]], rows: int, schema: pa.Schema, failures: Failures) -> Applied:
    if not parts:
        empty = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
        return Applied(empty, np.empty(0, np.int32), failures, np.empty(0, np.int32))
    if len(parts) == 1:
        out = parts[0][2].batch
    else:
        tables = [pa.Table.from_batches([result.batch]) for _, _, result in parts]
        out = batch_from(pa.concat_tables(tables, promote_options="permissive"))
    sources = np.concatenate([result.rows + np.int32(start) for start, _, result in parts])
    missing = np.ones(rows, bool)
    missing[sources] = False
    missing[failures.rows] = False
    return Applied(out, sources, failures, np.flatnonzero(missing).astype(np.int32))


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema) or "no columns"
