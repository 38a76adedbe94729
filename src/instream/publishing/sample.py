"""A sample of rows, in whatever form a person has it, as one record batch with plain types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from instream.errors import ConversionRefused, PackageError
from instream.signature import Category, type_text

ROWS_MAX = 1_000_000
_ENDINGS = ".parquet, .jsonl, .csv"


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows that look like those to come.

    Attributes:
        batch: NaN is null, texts are `string`, lists have a fixed size.
        categories: of the columns that were categorical (pandas `category`, Arrow dictionary), in their order.
    """

    batch: pa.RecordBatch
    categories: Mapping[str, tuple[Category, ...]]


def sample_of(given: Any) -> Sample:
    """Read a sample.

    Args:
        given: a data frame (pandas, or any with Arrow's stream interface), a record batch or table, a list of dicts,
            a numpy matrix (its columns become x0, x1, …), or a path: .parquet, .jsonl or .csv.
    Raises:
        PackageError: it is none of these, is empty, or a column has mixed types.
    """
    table = _table(given)
    if not 0 < table.num_rows <= ROWS_MAX:
        raise PackageError(f"the sample has {table.num_rows:,} rows: expected 1 to {ROWS_MAX:,}; a few thousand are plenty")
    table = table.combine_chunks().replace_schema_metadata(None)
    categories, arrays, names = {}, [], []
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        if pa.types.is_dictionary(column.type):
            categories[name] = tuple(column.dictionary.to_pylist())
            column = column.dictionary_decode()
        arrays.append(_plain(column))
        names.append(name)
    return Sample(pa.RecordBatch.from_arrays(arrays, names), categories)


def type_of(name: str, kind: pa.DataType) -> str:
    """The name of a column's type. Raises ConversionRefused for those that no signature has."""
    try:
        return type_text(kind)
    except PackageError as error:
        raise ConversionRefused(f"{name}: {error}; make a number or a text of it first, in the sample or in a feature step") from error


def _table(given: Any) -> pa.Table:
    try:
        if isinstance(given, str | Path):
            return _read(Path(given))
        if isinstance(given, pa.RecordBatch):
            return pa.Table.from_batches([given])
        if isinstance(given, pa.Table):
            return given
        if isinstance(given, np.ndarray) and given.ndim == 2:
            return pa.table({f"x{i}": given[:, i] for i in range(given.shape[1])})
        if isinstance(given, list) and all(isinstance(row, dict) for row in given):
            return pa.Table.from_pylist(given)
        if type(given).__module__.startswith("pandas") and hasattr(given, "columns"):
            return pa.Table.from_pandas(given, preserve_index=False)
        if hasattr(given, "__arrow_c_stream__"):
            return pa.table(given)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise PackageError(f"the sample cannot be read: {error}; give each column one type") from error
    raise PackageError(f"the sample is {type(given).__name__}: expected a DataFrame, a list of dicts, Arrow data, or a path ({_ENDINGS})")


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise PackageError(f"sample {path}: no such file")
    if path.suffix == ".parquet":
        return pa.parquet.read_table(path)
    if path.suffix == ".csv":
        return pa.csv.read_csv(path)
    if path.suffix == ".jsonl":
        return pa.Table.from_pylist(_lines(path))
    raise PackageError(f"sample {path}: expected a path ending in {_ENDINGS}")


def _lines(path: Path) -> list[dict[str, Any]]:
    rows = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if number > ROWS_MAX:
                raise PackageError(f"sample {path}: more than {ROWS_MAX:,} lines; a few thousand are plenty")
            if line.strip():
                try:
                    rows.append(msgspec.json.decode(line, type=dict[str, Any]))
                except msgspec.MsgspecError as error:
                    raise PackageError(f"sample {path} line {number}: {error}") from error
    return rows


def _plain(column: pa.Array) -> pa.Array:
    """Types that a signature knows, where there is one; others are refused when a model asks for them."""
    kind = column.type
    if pa.types.is_large_string(kind) or str(kind) == "string_view":
        return column.cast(pa.string())
    if pa.types.is_float16(kind):
        column = column.cast(pa.float32())
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        sizes = set(pc.list_value_length(column.drop_null()).to_pylist())
        if len(sizes) == 1:
            return column.cast(pa.list_(kind.value_type, sizes.pop()))
    return column
