"""Inside somebody's own job: DataFrames with the model's columns added, and a function for SQL."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from instream.errors import InvalidRows
from instream.hosted import hosted
from instream.hosted.columns import ERROR, KEPT
from instream.settings import Pipeline
from instream.spark.batches import pin_of
from instream.spark.columns import answering, job_of_file, scoring_of
from instream.spark.moment import moment_of
from instream.spark.pinlog import Pin, Pins

_ANSWER = "instream_answer"

File = str | Path | Pipeline


def score(frame: DataFrame, file: File, *, pin: Pin | None = None) -> DataFrame:
    """Add a model's outputs to a DataFrame, streaming or not.

    ```python
    flights = spark.read.parquet("flights")
    late = instream.spark.score(flights, "pipeline.toml").where("error is null and delay > 15")
    ```

    A batch DataFrame is scored by the version that is in force now, all of it. The rows of a stream are scored by the one in
    force when they come, and a micro-batch that is tried again may have a newer one; `pins` is against that.

    Args:
        file: a pipeline file, of which only the scoring part counts: name, model, strategy, features, output.stamps, limits.
        pin: what exactly to score with, from `pins`.
    Returns:
        All columns of `frame`, the model's outputs, the stamps that the file names, and `error`: null where a row was scored,
        else `code: message`. Rows that the feature step leaves out are not there.
    Raises:
        InvalidRows: a column that the model reads is missing, or one that it gives is there already.
        InstreamError: the file or the model cannot be used.
    """
    job = job_of_file(file)
    with hosted(job) as predictor:  # it stays loaded, for the next call
        scoring = scoring_of(job, predictor)
        if pin is None and not frame.isStreaming:
            pin = pin_of(predictor.ready(), None)
    _check_columns(frame, scoring.columns, [*scoring.outputs, ERROR])
    answer = answering(scoring, pin)(*(f.col(_quoted(name)) for name in scoring.columns))
    answered = frame.withColumn(_ANSWER, answer).where(f.col(f"{_ANSWER}.{KEPT}"))
    given = [f.col(f"{_ANSWER}.{_quoted(name)}").alias(name) for name in (*scoring.outputs, ERROR)]
    return answered.select(*(f.col(_quoted(name)) for name in frame.columns), *given)


def register(spark: SparkSession, name: str, file: File) -> None:
    """Make a model a function of SQL: a struct of its outputs, the stamps that the file names, and `error`.

    ```python
    instream.spark.register(spark, "score_delay", "pipeline.toml")
    spark.sql("SELECT id, score_delay(struct(*)).delay FROM flights")
    ```

    The argument is one struct that has the model's columns under their names, or they are the arguments, in the order in which
    the file, else the model, has them. A row that the feature step leaves out has an answer whose `kept` is false, and its `error` says so.

    Args:
        file: as for `score`.
    Raises:
        InstreamError: the file or the model cannot be used.
    """
    job = job_of_file(file)
    with hosted(job) as predictor:
        scoring = scoring_of(job, predictor)
    spark.udf.register(name, answering(scoring, None))


class BatchPins(contextlib.AbstractContextManager["BatchPins"]):
    """Which head scores which micro-batch of a query of your own; see `pins`."""

    def __init__(self, spark: SparkSession, folder: str, file: File) -> None:
        self._log = Pins(spark, folder)
        self._open = contextlib.ExitStack()
        job = job_of_file(file)
        self._predictor = self._open.enter_context(hosted(job))
        self._moment = moment_of(job.pipeline())

    def of(self, batch_id: int) -> Pin:
        """What a micro-batch is scored with: what it was pinned to before, else what is in force now, written down first.

        Raises SourceFailed for a log that cannot be read, StoreError where parameters of keys are read and the store does not answer.
        """
        return self._log.of(batch_id) or self._log.pin(batch_id, pin_of(self._predictor.ready(), self._moment()))

    def close(self) -> None:
        """The model stays loaded for whoever uses it next."""
        self._open.close()

    def __exit__(self, *_: object) -> None:
        self.close()


def pins(spark: SparkSession, folder: str, file: File) -> BatchPins:
    """Pin the micro-batches of a query of your own, so that one that is tried again has the same answers, after a promotion too.

    ```python
    with instream.spark.pins(spark, "checkpoints/mine/pins", "pipeline.toml") as pins:

        def write(batch: DataFrame, batch_id: int) -> None:
            instream.spark.score(batch, "pipeline.toml", pin=pins.of(batch_id)).write.format("delta").save("late")

        stream.writeStream.foreachBatch(write).option("checkpointLocation", "checkpoints/mine/query").start().awaitTermination()
    ```

    Args:
        folder: a path or URL that Spark's file systems know; beside the query's checkpoint, and as old as that.
        file: as for `score`.
    """
    return BatchPins(spark, folder, file)


def _check_columns(frame: DataFrame, needed: Sequence[str], given: Sequence[str]) -> None:
    """Raises InvalidRows."""
    there = {name.lower() for name in frame.columns}  # Spark's names are the same in capitals
    if absent := [name for name in needed if name.lower() not in there]:
        raise InvalidRows(f"the model reads {', '.join(absent)}, and the DataFrame has {', '.join(frame.columns)}: add or rename a column")
    if twice := [name for name in given if name.lower() in there]:
        raise InvalidRows(f"the model gives {', '.join(twice)}, which the DataFrame has already: rename or drop those columns")


def _quoted(name: str) -> str:
    """A name for Spark, whatever is in it."""
    return "`" + name.replace("`", "``") + "`"
