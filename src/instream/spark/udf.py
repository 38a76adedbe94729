"""The function that Spark calls with columns of records; what it gives stands beside the columns that stayed in the JVM.

An Arrow function of some columns, not `mapInArrow` over all: key, headers and timestamp then never leave the JVM, and a
million records pass in 2.9 s, not in 7.0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pyarrow as pa
from pyspark import Accumulator
from pyspark.sql import Column
from pyspark.sql.functions import arrow_udf

from instream.errors import InstreamError
from instream.hosted import written
from instream.process.exits import exit_of
from instream.records import Headers, Outcome, Partition, Records
from instream.spark.pinlog import Pin
from instream.spark.pinned import Pinned, pinned
from instream.spark.sent import Sent
from instream.spark.tally import Tally

Columns = tuple[pa.Array, pa.Array, pa.Array]
"""Values (binary, null for a tombstone), partitions and offsets of some records."""

SCORED = "struct<value:binary,dead:array<struct<key:string,value:binary>>>"
"""`value` is null where a record was filtered; `dead` has the headers of a dead letter, and is null for an output."""

_HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
_FIELDS = [pa.field("value", pa.binary()), pa.field("dead", _HEADERS)]
_SCORED = pa.struct(_FIELDS)


def scoring(sent: Sent, pin: Pin, topic: str, tally: Accumulator[Tally]) -> Callable[..., Column]:
    """A function of the columns value, partition and offset, which scores each record once.

    Args:
        topic: that they came from.
        tally: gets the counts of each task, and an error that no retry helps.
    """

    def score(batches: Iterator[Columns]) -> Iterator[pa.Array]:
        found = Tally()
        try:
            yield from _scored(sent, pin, topic, batches, found)
        finally:
            tally.add(found)

    score.__annotations__ = {"batches": Iterator[tuple[pa.Array, pa.Array, pa.Array]], "return": Iterator[pa.Array]}
    score.__name__ = "instream"  # in plans and in the web UI
    called: Callable[..., Column] = arrow_udf(score, SCORED).asNondeterministic()  # or Spark could score a record twice
    return called


def _scored(sent: Sent, pin: Pin, topic: str, batches: Iterator[Columns], tally: Tally) -> Iterator[pa.Array]:
    """Answers for each batch. After an error that no retry helps, answers that write nothing: Spark wants one a row."""
    given = _Given(batches)
    try:
        with pinned(sent.here(), pin) as pipeline:
            for columns in given:
                yield _answers(pipeline, _records(topic, columns), tally)
    except InstreamError as error:
        if exit_of(error) is None:
            raise
        tally.fatal = (type(error).__name__, str(error))
        if given.last is not None:
            yield pa.nulls(len(given.last[0]), _SCORED)
        for values, _, _ in batches:
            yield pa.nulls(len(values), _SCORED)


class _Given:
    """Batches, and the one that is not answered yet."""

    def __init__(self, batches: Iterator[Columns]) -> None:
        self._batches = batches
        self.last: Columns | None = None

    def __iter__(self) -> Iterator[Columns]:
        for batch in self._batches:
            self.last = batch
            yield batch
        self.last = None


def _records(topic: str, columns: Columns) -> Records:
    values, numbers, offsets = columns
    partitions, at = numbers.to_numpy(), offsets.to_numpy()
    last = {int(number): int(at[partitions == number].max()) for number in np.unique(partitions)}
    return Records(
        topic=topic,
        values=values.to_numpy(zero_copy_only=False).tolist(),  # a quarter of what to_pylist takes
        partitions=partitions.astype(np.int32, copy=False),
        offsets=at,
        positions={Partition(topic, number): offset + 1 for number, offset in last.items()},
    )


def _answers(pipeline: Pinned, records: Records, tally: Tally) -> pa.Array:
    outcome = pipeline.process(records)
    _count(tally, outcome)
    found = written(records, outcome, pipeline=pipeline.pipeline)
    values = pa.array(found.values, pa.binary())
    return pa.StructArray.from_arrays([values, _headers(found.dead, len(records))], fields=_FIELDS)


def _headers(dead: Mapping[int, Headers], rows: int) -> pa.Array:
    """The headers of dead letters at their places, null between."""
    if not dead:
        return pa.nulls(rows, _HEADERS)
    placed: list[list[dict[str, object]] | None] = [None] * rows
    for row, headers in dead.items():
        placed[row] = [{"key": name, "value": value} for name, value in headers]
    return pa.array(placed, _HEADERS)


def _count(tally: Tally, outcome: Outcome) -> None:
    rows, dead, filtered = len(outcome.values), len(outcome.failures), len(outcome.filtered)
    tally.records_in += rows
    tally.records_out += rows - dead - filtered
    tally.dead_letters += dead
    tally.filtered += filtered
    for each in outcome.stamps.column("version").value_counts().to_pylist():
        if each["values"] is not None:
            tally.versions[each["values"]] += each["counts"]
