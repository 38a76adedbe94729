"""`instream run --engine spark`: a pipeline on a Spark of its own on this machine."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from instream.deploy import Run
from instream.engines.java import check_java
from instream.engines.kafka_jars import kafka_jars
from instream.hosted import hosted, job_of
from instream.hosted.asked import Asked, asked_to_end
from instream.hosted.exposed import exposed
from instream.process.exits import Exit
from instream.settings import Pipeline
from instream.spark.batches import Batches, Place
from instream.spark.checkpoint import Checkpoint, checkpoint_of
from instream.spark.ends import Ends, ends_of, reading_options
from instream.spark.environment import check_environment
from instream.spark.moment import moment_of
from instream.spark.pinlog import Pins
from instream.spark.progress import Progress
from instream.spark.query import Unfinished, Watch
from instream.spark.sent import Sent
from instream.spark.session import local_master, session
from instream.spark.topics import partitions_of
from instream.spark.warm import Warm

Say = Callable[[str], None]


def run(settings: Pipeline, run: Run, say: Say) -> None:
    """Run a pipeline on this machine until its source ends or somebody ends it: SIGTERM, Ctrl-C (a second one ends it now).

    At least once: a micro-batch that is tried again is written again, with the same values and versions, since it was pinned
    to a head before it was scored, and parameters of keys (`strategy.kind = "database"`) to those of two seconds before.
    Positions are in the checkpoint (`engine.checkpoints`), and Kafka has none: without a checkpoint a run begins at
    `source.start`; `--from` begins anew and leaves the old checkpoint where it is. Outputs have the time at which they were
    written, since Spark's Kafka sink takes no timestamps; keys, headers and dead letters are as our own workers write them.

    Args:
        say: gets a line now and then.
    Raises:
        SettingsInvalid: something of the file or the command cannot be done on Spark.
        SetUpFailed: Java, PySpark or the connector are missing or of the wrong version.
        InstreamError: what ended the run; classes and messages are those of our own workers.
        SystemExit: with `Exit.UNFINISHED`, asked to end it could not within engine.grace_s.
    """
    ends = ends_of(settings, run)
    notes = check_environment()
    check_java("spark")
    jars = kafka_jars("spark", settings)
    for note in notes:
        say(note)
    started = threading.Event()
    with exposed(settings, say, started.is_set), asked_to_end() as asked, contextlib.ExitStack() as stack:
        spark = session(settings, local_master(settings), jars, {})
        stack.callback(spark.stop)
        asked.listen()  # PySpark has put its own handler in the place of ours
        stream(spark, settings, run, ends, Sent(job_of(settings)), asked, started, say)


def stream(
    spark: SparkSession, settings: Pipeline, run: Run, ends: Ends, sent: Sent, asked: Asked, started: threading.Event, say: Say
) -> None:
    """Run a pipeline in a session; `started` is set once its model is loaded. Raises what `run` raises."""
    partitions = partitions_of(spark, ends)
    checkpoint = checkpoint_of(spark, settings, run.start)
    _say_where(settings, run, checkpoint, say)
    with hosted(job_of(settings)) as predictor:
        progress = Progress(settings.name, spark, say)
        place = Place(settings, ends, partitions, Pins(spark, checkpoint.pins), sent, moment_of(settings))
        batches = Batches(spark, place, predictor, progress.counted)
        reading = reading_options(settings, ends, run)
        watch = Watch(
            settings.name,
            lambda: _start(spark, settings, run, checkpoint, batches, reading),
            batches,
            settings.engine,
            progress,
            Warm(spark, batches).tick,
        )
        started.set()
        asked.tell(watch.drain)
        try:
            watch.run(say)
        except Unfinished as error:
            say(str(error))
            raise SystemExit(int(Exit.UNFINISHED)) from error
        finally:
            progress.end(watch.restarts)


def _start(
    spark: SparkSession, settings: Pipeline, run: Run, checkpoint: Checkpoint, batches: Batches, reading: Mapping[str, str]
) -> StreamingQuery:
    records = spark.readStream.format("kafka").options(**reading).load()
    writer = records.writeStream.foreachBatch(batches).queryName(settings.name).option("checkpointLocation", checkpoint.query)
    return (writer.trigger(availableNow=True) if run.until == "end" else writer).start()


def _say_where(settings: Pipeline, run: Run, checkpoint: Checkpoint, say: Say) -> None:
    assert settings.source is not None
    if checkpoint.old:
        say(f"{settings.name}: goes on from {checkpoint.folder}")
    else:
        say(f"{settings.name}: begins at {run.start or settings.source.start}; positions are kept in {checkpoint.folder}")
