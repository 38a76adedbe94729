"""What Flink calls for each batch of rows of somebody's own table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from pyflink.table import DataTypes
from pyflink.table.types import DataType
from pyflink.table.udf import udf

from instream.flink.hosting import Hosting
from instream.flink.types import flink_type
from instream.hosted import Job
from instream.hosted.columns import ERROR, KEPT, answers, records_of


class ScoreRows(Hosting):
    """From some columns of a table to outputs, stamps and error of each row; `kept` is false for a filtered one."""

    def __init__(self, job: Job, columns: Sequence[str], kinds: Sequence[pa.DataType]) -> None:
        super().__init__(job)
        self._columns = list(columns)
        self._kinds = list(kinds)

    def eval(self, *columns: pd.Series[Any]) -> pd.DataFrame:
        """A batch."""
        arrays = [_array(column, kind) for column, kind in zip(columns, self._kinds, strict=True)]
        outcome = self.process(records_of(pa.RecordBatch.from_arrays(arrays, names=self._columns)))
        return _frame(answers(outcome, self.hosted.gives.names), self.hosted.gives)


def _array(column: pd.Series[Any], kind: pa.DataType) -> pa.Array:
    """A null of a number arrives as NaN."""
    if isinstance(column, pd.DataFrame):  # a ROW
        fields = [_array(column.iloc[:, at], kind.field(at).type) for at in range(kind.num_fields)]
        return pa.StructArray.from_arrays(fields, fields=list(kind))
    return pa.Array.from_pandas(column, mask=column.isnull().to_numpy(), type=kind)


def _frame(columns: Sequence[pa.Array], gives: pa.Schema) -> pd.DataFrame:
    named = zip([*gives.names, ERROR, KEPT], columns, strict=True)
    return pd.DataFrame({name: _series(column) for name, column in named}, copy=False)


def _series(column: pa.Array) -> pd.Series[Any]:
    """Integers with nulls stay integers: as floats, those beyond 2**53 would change."""
    made: pd.Series[Any] = column.to_pandas(integer_object_nulls=True)
    return made


def rows_function(job: Job, columns: Sequence[str], kinds: Sequence[pa.DataType], gives: pa.Schema, name: str) -> Any:
    """As the Table API takes it; its result is a ROW of outputs, stamps, `error` and `kept`."""
    fields: list[tuple[str, DataType]] = [(field.name, flink_type(field.name, field.type)) for field in gives]
    fields += [(ERROR, DataTypes.STRING()), (KEPT, DataTypes.BOOLEAN())]
    result = DataTypes.ROW([DataTypes.FIELD(field, kind) for field, kind in fields])
    return udf(ScoreRows(job, columns, kinds), result_type=result, func_type="pandas", name=name)
