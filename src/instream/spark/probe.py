"""A small job before the query: are the executors' Python and libraries those of this client, and does the model load there?"""

from __future__ import annotations

import importlib.metadata
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator

import msgspec
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from instream.errors import InstreamError, SetUpFailed, raised_elsewhere
from instream.hosted import hosted
from instream.hosted.versions import LIBRARIES, refuse_different, versions
from instream.spark.sent import Sent

_STAY_S = 0.5
"""So that tasks spread over the executors."""

_ROUND = 2
"""Tasks for each that can run at once."""

Batches = Iterator[pa.RecordBatch]


def probe(spark: SparkSession, sent: Sent) -> None:
    """Look at the executors, and load the model there.

    Raises:
        SetUpFailed: Python or a library differs from this client's; says where, which and what to do.
        InstreamError: the model cannot be loaded there: what it says there, and on which machine.
    """
    here = versions()
    for host, found in _asked(spark, _versions_there(LIBRARIES, _STAY_S)):
        refuse_different(here, {f"executor on {host}": msgspec.json.decode(found, type=dict[str, str])})
    for host, found in _asked(spark, _loading(sent)):
        if found:
            name, message = msgspec.json.decode(found, type=tuple[str, str])
            raise raised_elsewhere(name, f"on the executor on {host}: {message}")


def _asked(spark: SparkSession, ask: Callable[[Batches], Batches]) -> list[tuple[str, str]]:
    tasks = _ROUND * max(1, spark.sparkContext.defaultParallelism)
    spark.sparkContext.setJobDescription("looks at the executors")
    try:
        rows = spark.range(0, tasks, 1, tasks).mapInArrow(ask, "host string, said string").distinct().collect()
    except PySparkException as error:
        raise SetUpFailed(_explained(str(error))) from error
    return sorted((row.host, row.said) for row in rows)


def _explained(text: str) -> str:
    """What Python said there when it could not even begin."""
    advice = 'engine.options "spark.pyspark.python" says which Python the executors use; it must have instream with the extra spark'
    if "PYTHON_VERSION_MISMATCH" in text or "different version in worker" in text:
        there = re.search(r"worker:? *\(?(\d+[.,] ?\d+)", text)
        mine = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"the executors' Python is {there[1] if there else 'another version'}, this client's {mine}; {advice}"
    if absent := re.search(r"No module named '([\w.]+)'", text):
        return f"the executors' Python has no {absent[1]}; {advice}"
    last = (text.strip().splitlines() or ["no reason given"])[0]
    return f"a small job does not run on the executors: {last[:400]}; {advice}"


def _versions_there(libraries: tuple[str, ...], stay_s: float) -> Callable[[Batches], Batches]:
    """As `hosted.versions.versions`, but sent as it is written here, so that it runs where there is no instream."""

    def look(batches: Batches) -> Batches:
        found = {"python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
        for name in libraries:
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                continue
        time.sleep(stay_s)
        said = "{" + ", ".join(f'"{name}": "{version}"' for name, version in found.items()) + "}"
        for batch in batches:
            rows = batch.num_rows
            yield pa.RecordBatch.from_pydict({"host": [socket.gethostname()] * rows, "said": [said] * rows})

    return look


def _loading(sent: Sent) -> Callable[[Batches], Batches]:
    def load(batches: Batches) -> Batches:
        said = ""
        try:
            with hosted(sent.here()):
                time.sleep(_STAY_S)
        except InstreamError as error:
            said = msgspec.json.encode((type(error).__name__, str(error))).decode()
        for batch in batches:
            rows = batch.num_rows
            yield pa.RecordBatch.from_pydict({"host": [socket.gethostname()] * rows, "said": [said] * rows})

    return load
