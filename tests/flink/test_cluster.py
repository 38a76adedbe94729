"""A pipeline on a real session cluster: what is sent along, what is found before it starts, and a TaskManager that dies."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from instream.deploy import Run
from instream.errors import SettingsInvalid, SetUpFailed
from instream.flink import submit
from instream.flink.configuration import there
from instream.settings import Pipeline, load
from instream.testing.faults.pipeline import Setting, setting
from instream.testing.flink_cluster import FlinkCluster
from instream.testing.kafka import Broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MORE = """
[features]
function = "step.py:make"
[engine]
workers = 2
checkpoint_ms = 500
restart_ms = 200
"""
STEP = "from beside import same\n\ndef make(batch):\n    return same(batch)\n"
BESIDE = "def same(batch):\n    return batch\n"


@pytest.fixture(scope="module")
def cluster() -> Iterator[FlinkCluster]:
    with FlinkCluster() as started:
        yield started


def made(broker: Broker, unique: str, folder: Path) -> tuple[Setting, Pipeline]:
    found = setting(broker.bootstrap, unique, folder, "exactly_once", partitions=2, more=MORE)
    (folder / "step.py").write_text(STEP)
    (folder / "beside.py").write_text(BESIDE)
    return found, load(found.file, [f'model.store="sqlite:////{folder.as_posix().lstrip("/")}/models.db"'])


def until(condition: Callable[[], object], cluster: FlinkCluster, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, cluster.log[-5_000:]
        time.sleep(0.2)


def post(url: str, body: object) -> object:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)


def jobs(cluster: FlinkCluster, state: str) -> list[str]:
    with build_opener(ProxyHandler({})).open(f"{cluster.url}/jobs", timeout=10) as answer:
        return [job["id"] for job in json.load(answer)["jobs"] if job["status"] == state]


def test_a_task_manager_dies(broker: Broker, unique: str, tmp_path: Path, cluster: FlinkCluster) -> None:
    """Law 9: the feature step and what it imports are sent along; a TaskManager is killed; a savepoint, and the rest elsewhere."""
    found, settings = made(broker, unique, tmp_path)
    said: list[str] = []

    def outputs() -> int:
        return len(broker.visible(f"{unique}-out"))

    with found.stream(1_000) as stream:
        submit(settings, Run(), cluster.url, said.append)
        assert "with the versions of this machine" in said[0]
        until(lambda: outputs() > 0, cluster)
        cluster.kill_task_manager()
        for _ in range(2):
            before = outputs()
            until(lambda before=before: outputs() > before, cluster)  # type: ignore[misc]
        stream.stop()
    (job,) = jobs(cluster, "RUNNING")
    assert job in said[-1]
    post(f"{cluster.url}/jobs/{job}/stop", {"targetDirectory": (tmp_path / "checkpoints" / unique / "endless").as_uri(), "drain": False})
    until(lambda: job in jobs(cluster, "FINISHED"), cluster)

    assert found.run("--engine", "flink", "--until", "end", "--set", f"model.store={settings.model.store}").wait() == 0
    told = found.ledger()
    print(told)
    assert (told.lost, told.repeated, told.strangers, told.uncommitted) == ([], [], [], 0)


def test_workers_with_other_versions(broker: Broker, unique: str, tmp_path: Path, cluster: FlinkCluster) -> None:
    """Told before the job starts: here a Python that finds another msgspec first."""
    _, settings = made(broker, unique, tmp_path)
    other = tmp_path / "other/msgspec-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: msgspec\nVersion: 9.9\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{other.parent}:$PYTHONPATH" exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    engine = settings.engine.model_copy(update={"options": {"python.executable": str(python)}})
    before = jobs(cluster, "RUNNING")
    with pytest.raises(SetUpFailed, match=r"msgspec 9\.9 instead of"):
        submit(settings.model_copy(update={"engine": engine}), Run(), cluster.url, print)
    assert jobs(cluster, "RUNNING") == before


def test_workers_without_our_python(broker: Broker, unique: str, tmp_path: Path, cluster: FlinkCluster) -> None:
    _, settings = made(broker, unique, tmp_path)
    engine = settings.engine.model_copy(update={"options": {"python.executable": "/nowhere/python"}})
    with pytest.raises(SetUpFailed, match="cannot run this pipeline's Python"):
        submit(settings.model_copy(update={"engine": engine}), Run(), cluster.url, print)


def test_a_url_that_is_no_cluster() -> None:
    with pytest.raises(SettingsInvalid, match="expected http://host:8081"):
        there("spark://h:7077", None)
