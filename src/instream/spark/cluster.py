"""`instream engine submit spark`: a pipeline on a standalone cluster; the driver stays with the command."""

from __future__ import annotations

import contextlib
import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from instream.deploy import Run
from instream.engines.java import check_java
from instream.engines.kafka_jars import kafka_jars
from instream.errors import SettingsInvalid
from instream.hosted import job_of
from instream.hosted.asked import asked_to_end
from instream.hosted.packing import pack
from instream.settings import Pipeline
from instream.spark.embedded import stream
from instream.spark.ends import ends_of
from instream.spark.environment import check_environment
from instream.spark.probe import probe
from instream.spark.sent import Sent, with_store_in_place
from instream.spark.session import session

_MASTER = re.compile(r"spark://[^/,\s]+(,[^/,\s]+)*")
_LOOPBACK = re.compile(r"spark://(localhost|127\.\d+\.\d+\.\d+)[:,]?")


def submit(settings: Pipeline, run: Run, cluster: str, say: Callable[[str], None]) -> None:
    """Run a pipeline on a standalone cluster until its source ends or somebody ends it, as `run` does here.

    Scoring is done by the executors; the driver, which pins and commits, stays in this process, so the checkpoint may be on
    this machine. The pipeline's folder (feature step and what lies beside it, 64 MiB at most) is sent along. A store that is a
    file must be where this machine has it, on every machine: a shared folder, or a cluster of one machine. The executors use
    this process's Python, by path, unless `engine.options` has "spark.pyspark.python".

    Args:
        cluster: `spark://host:7077`.
    Raises:
        SettingsInvalid, InstreamError: as `run`.
        SetUpFailed: also where Python or a library there is not the one here; before the query starts.
    """
    if not _MASTER.fullmatch(cluster):
        raise SettingsInvalid(f"cluster {cluster!r}: expected spark://host:port, as the master's page says it")
    ends = ends_of(settings, run)
    notes = check_environment()
    check_java("spark")
    jars = kafka_jars("spark", settings)
    for note in notes:
        say(note)
    with asked_to_end() as asked, contextlib.ExitStack() as stack:
        there = with_store_in_place(settings)
        archive = pack(there, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="instream-"))), data=True)
        sent = Sent(job_of(there), archive.stem)
        spark = session(settings, cluster, jars, _more(settings, cluster))
        stack.callback(spark.stop)
        asked.listen()
        spark.sparkContext.addArchive(f"{archive}#{archive.stem}")
        probe(spark, sent)
        stream(spark, settings, run, ends, sent, asked, threading.Event(), say)


def _more(settings: Pipeline, cluster: str) -> dict[str, str]:
    here = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"} if _LOOPBACK.match(cluster) else {}
    return {"spark.cores.max": str(settings.engine.workers), **here}
