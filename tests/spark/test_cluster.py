"""On a standalone cluster of real processes: what the executors need is sent along, differences are found first, a kill loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from instream.testing.spark import SparkPipeline, source_of
from instream.testing.spark_cluster import SparkCluster
from tests.spark.conftest import Make

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ENTRY = Path(__file__).with_name("submitting.py")
STEP = """
from pathlib import Path

FACTOR = float((Path(__file__).parent / "data" / "factor.txt").read_text())

def step(batch):
    import pyarrow as pa
    import pyarrow.compute as pc
    return pa.RecordBatch.from_arrays([pc.multiply(batch.column("raw"), FACTOR)], names=["x"])
"""
MORE = """
"spark.executor.memory" = "600m"
{more}

[source.fields]
raw = {{ at = "x", type = "float64" }}

[features]
function = "step.py:step"
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[SparkCluster]:
    with SparkCluster() as started:
        yield started


def submitting(made: SparkPipeline, cluster: SparkCluster, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(ENTRY), str(made.file), cluster.url, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")


def with_step(made: SparkPipeline) -> None:
    (made.folder / "step.py").write_text(STEP)
    (made.folder / "data").mkdir()
    (made.folder / "data" / "factor.txt").write_text("10")


def test_a_pipeline_on_a_cluster_outlives_an_executor(make: Make, cluster: SparkCluster) -> None:
    """The feature step and a file beside it are sent along; an executor is killed; SIGTERM ends the driver in order."""
    made = make(more=MORE.format(more='"spark.executor.extraJavaOptions" = "-XX:TieredStopAtLevel=1"'))
    with_step(made)
    made.produce([b'{"id": %d, "x": %d}' % (i, i) for i in range(1_000)])
    driver = submitting(made, cluster)
    try:
        wait_for(made, driver, 1_000)
        executors = cluster.executors()
        assert len(executors) == 1
        os.kill(executors[0], signal.SIGKILL)
        made.produce([b'{"id": %d, "x": %d}' % (i, i) for i in range(1_000, 2_000)])
        wait_for(made, driver, 2_000)
        assert cluster.executors() != executors
        driver.send_signal(signal.SIGTERM)
        said, _ = driver.communicate(timeout=60)
        assert driver.returncode == 0, said
    finally:
        driver.kill()
    assert {seen.value for seen in made.outputs()} == {b'{"id":%d,"y":%d.0,"version":1}' % (i, 20 * i) for i in range(2_000)}


def test_another_library_on_the_executors_is_found_before_the_query_starts(make: Make, cluster: SparkCluster) -> None:
    """The executors' Python is one that says it has another pyarrow."""
    made = make(more=MORE.format(more='"spark.pyspark.python" = "PYTHON"'))
    with_step(made)
    other = made.folder / "other"
    (other / "pyarrow-1.2.3.dist-info").mkdir(parents=True)
    (other / "pyarrow-1.2.3.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: pyarrow\nVersion: 1.2.3\n")
    python = made.folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={other}:$PYTHONPATH exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    made.file.write_text(made.file.read_text().replace('"PYTHON"', f'"{python}"'))
    said = _end(submitting(made, cluster, "end"))
    assert "SetUpFailed" in said
    assert "pyarrow 1.2.3 instead of" in said
    assert "Install the same versions there" in said
    assert not (made.folder / "checkpoints").exists()


def test_a_model_that_does_not_load_there_is_said(make: Make, cluster: SparkCluster) -> None:
    """Here: a secret that is set for the client and not for the executors."""
    made = make(more=MORE.format(more=""))
    with_step(made)
    made.file.write_text(made.file.read_text().replace("sqlite:///models.db", "${env:STORE_OF_THE_CLIENT}"))
    os.environ["STORE_OF_THE_CLIENT"] = made.store
    try:
        said = _end(submitting(made, cluster, "end"))
    finally:
        del os.environ["STORE_OF_THE_CLIENT"]
    assert "SettingsInvalid: on the executor on" in said
    assert "STORE_OF_THE_CLIENT is not set in this process" in said


def wait_for(made: SparkPipeline, driver: subprocess.Popen[str], outputs: int) -> None:
    until = time.monotonic() + 90
    while len({source_of(seen) for seen in made.outputs()}) < outputs:
        assert driver.poll() is None, _end(driver)
        assert time.monotonic() < until, "outputs did not come"
        time.sleep(0.5)


def _end(driver: subprocess.Popen[str]) -> str:
    try:
        said, _ = driver.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        driver.kill()
        said, _ = driver.communicate()
    return said
