"""A Spark session for one pipeline."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from instream.errors import SetUpFailed
from instream.settings import Pipeline

_LOGGING = Path(__file__).with_name("log4j2.properties")
_SECRETS = "(?i)secret|password|token|access[.]?key|jaas|keystore"
_TRIES_MAX = 4
"""Of one task. Spark's own number: what fails oftener is for the query's own restarts."""


def local_master(settings: Pipeline) -> str:
    """As many tasks side by side as the file says, each tried again where a worker process died."""
    return f"local[{settings.engine.workers},{1 + min(settings.engine.restarts, _TRIES_MAX - 1)}]"


def session(settings: Pipeline, master: str, jars: Sequence[Path], more: Mapping[str, str]) -> SparkSession:
    """Start a JVM and a session in it.

    Args:
        master: such as `local[2,4]` or `spark://host:7077`.
        more: options that only this master needs; those of the file stand above them.
    Raises:
        SetUpFailed: Spark does not start; with what it said. Or this process has a session already.
    """
    if SparkContext._gateway is not None:  # its JVM was started without our jars and settings
        raise SetUpFailed("this process has a Spark session: run a pipeline in a process of its own, or use instream.spark.score here")
    os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["PYSPARK_PYTHON"] = str(settings.engine.options.get("spark.pyspark.python", sys.executable))
    os.environ["OMP_NUM_THREADS"] = "1"  # a model uses one thread; parallelism is processes
    if master.startswith("local") or more.get("spark.driver.host") == "127.0.0.1":
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    conf = SparkConf(loadDefaults=False)
    for name, value in _joined({**_ours(settings, master, jars), **more}, _theirs(settings)).items():
        conf.set(name, value)
    try:
        return SparkSession.builder.config(conf=conf).getOrCreate()
    except (Py4JError, PySparkException, OSError) as error:
        raise SetUpFailed(f"Spark does not start at {master}: {_first_line(error)}; see what it said above, and engine.options") from error


def _ours(settings: Pipeline, master: str, jars: Sequence[Path]) -> dict[str, str]:
    return {
        "spark.master": master,
        "spark.app.name": settings.name,
        "spark.jars": ",".join(str(jar) for jar in jars),
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"{_collector(settings)}-Dlog4j2.configurationFile={_LOGGING.as_uri()}",
        "spark.executorEnv.OMP_NUM_THREADS": "1",
        "spark.python.worker.reuse": "true",  # a model stays loaded between batches
        "spark.python.worker.faulthandler.enabled": "true",
        "spark.task.maxFailures": str(1 + min(settings.engine.restarts, _TRIES_MAX - 1)),
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(settings.limits.rows),
        "spark.sql.execution.arrow.maxBytesPerBatch": str(max(1 << 20, int(settings.limits.bytes) // 4)),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.streaming.metricsEnabled": "true",
        "spark.sql.streaming.stopTimeout": "60s",
        "spark.sql.session.timeZone": "UTC",
        "spark.redaction.regex": _SECRETS,  # in the web UI and in logs
        "spark.sql.redaction.options.regex": f"{_SECRETS}|url",
    }


def _collector(settings: Pipeline) -> str:
    """The JVM has one with short pauses by default; this one takes a tenth less CPU time. Two of them named, and it does not start."""
    theirs = str(settings.engine.options.get("spark.driver.extraJavaOptions", ""))
    return "" if re.search(r"-XX:\+Use\w*GC\b", theirs) else "-XX:+UseParallelGC "


def _theirs(settings: Pipeline) -> dict[str, str]:
    """`engine.options`, which stand above ours."""
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in settings.engine.options.items()}


def _joined(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Theirs in the place of ours, but options of a JVM after ours: which files log what is among those."""
    both = {name: f"{ours[name]} {value}" for name, value in theirs.items() if name.endswith("JavaOptions") and name in ours}
    return {**ours, **theirs, **both}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
