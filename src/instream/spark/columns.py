"""Scoring of typed columns: what a job of somebody else's has, and what Spark's SQL sees of an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import Column
from pyspark.sql.functions import arrow_udf
from pyspark.sql.pandas.types import from_arrow_type, to_arrow_type
from pyspark.sql.types import BooleanType, StringType, StructField, StructType

from instream.errors import InvalidRows
from instream.hosted import Hosted, Job
from instream.hosted.columns import ERROR, KEPT, answers, job_for_columns, records_of
from instream.settings import Pipeline, load
from instream.spark.pinlog import Pin
from instream.spark.pinned import Pinned, pinned

_UNSIGNED = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20, 0)}


@dataclass(frozen=True, slots=True)
class Scoring:
    """What is scored, and what comes of it.

    Attributes:
        columns: that a row must have, in the order of a SQL function's arguments.
        outputs: of the model, then the stamps that the file names.
        answer: the type of an answer: `outputs`, ERROR and KEPT.
    """

    job: Job
    columns: Sequence[str]
    outputs: Sequence[str]
    answer: StructType


def job_of_file(file: str | Path | Pipeline) -> Job:
    """The scoring part of a pipeline file. Raises SettingsInvalid."""
    return job_for_columns(file if isinstance(file, Pipeline) else load(Path(file)))


def scoring_of(job: Job, predictor: Hosted) -> Scoring:
    """What a loaded model reads and gives."""
    made = [StructField(field.name, from_arrow_type(_known(field.type)), True) for field in predictor.gives]
    answer = StructType([*made, StructField(ERROR, StringType(), True), StructField(KEPT, BooleanType(), False)])
    return Scoring(job, list(predictor.reads), predictor.gives.names, answer)


def answering(scoring: Scoring, pin: Pin | None) -> Callable[..., Column]:
    """A function of columns, which gives `scoring.answer`.

    The columns are those of `scoring.columns`, in that order, or one struct that has them.
    """

    def score(batches: Iterator[Any]) -> Iterator[pa.Array]:
        target = to_arrow_type(scoring.answer, timezone="UTC")
        with pinned(scoring.job, pin) as pipeline:
            for given in batches:
                yield _answers(pipeline, _batch(given, scoring.columns), scoring, target)

    score.__annotations__ = {"batches": Iterator[tuple[pa.Array, ...]], "return": Iterator[pa.Array]}
    score.__name__ = "instream"
    called: Callable[..., Column] = arrow_udf(score, scoring.answer).asNondeterministic()  # or Spark could score a row twice
    return called


def _known(kind: pa.DataType) -> pa.DataType:
    """The nearest type that Spark has."""
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_known(kind.value_type))
    if pa.types.is_dictionary(kind):
        return _known(kind.value_type)
    return pa.float32() if pa.types.is_float16(kind) else _UNSIGNED.get(kind, kind)


def _batch(given: Any, columns: Sequence[str]) -> pa.RecordBatch:
    arrays = given if isinstance(given, tuple) else (given,)
    if len(arrays) == 1 and pa.types.is_struct(arrays[0].type):
        return pa.RecordBatch.from_struct_array(arrays[0])
    if len(arrays) != len(columns):
        raise InvalidRows(f"{len(arrays)} arguments given, expected {len(columns)}: {', '.join(columns)}; or struct(*), by name")
    return pa.RecordBatch.from_arrays(list(arrays), names=list(columns))


def _answers(pipeline: Pinned, batch: pa.RecordBatch, scoring: Scoring, target: pa.DataType) -> pa.Array:
    columns = answers(pipeline.process(records_of(batch)), scoring.outputs)
    fields = [target.field(at) for at in range(target.num_fields)]
    return pa.StructArray.from_arrays([column.cast(field.type) for column, field in zip(columns, fields, strict=True)], fields=fields)
