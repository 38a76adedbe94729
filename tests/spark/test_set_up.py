"""What cannot run is said before anything starts, each with its fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from instream.deploy import Run
from instream.errors import InstreamError, SettingsInvalid, SetUpFailed
from instream.settings import load
from instream.spark import run
from instream.spark.environment import check_environment
from instream.spark.faults import error_of, is_lasting

FILE = """
name = "delays"
model = { name = "delay" }
source = { url = "kafka://h:9092/in" }
sink = { url = "kafka://h:9092/out" }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.toml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("overrides", "asked", "says"),
    [
        (['delivery.mode="exactly_once"'], Run(), ("exactly_once", "at_least_once", "output.source_id")),
        ([], Run(limit=5), ("--limit 5", "--until end")),
        (['source.url="in.jsonl"'], Run(), ("source.url", "in.jsonl", "--engine workers")),
        (['dead_letter.url="dead.jsonl"'], Run(), ("dead_letter.url", "dead.jsonl")),
        (['sink.options={"transactional.id"="x"}'], Run(), ("sink.options", "transactional.id", "cannot be set")),
        (['source.options={"sasl.username"="ann"}'], Run(), ("sasl.password", "missing")),
        (['source.options={"ssl.engine.location"="x"}'], Run(), ("ssl.engine.location", "Take it out")),
        (['source.start="soon"'], Run(), ("soon", "earliest")),
    ],
)
def test_what_spark_cannot_do_is_refused(file: Path, overrides: list[str], asked: Run, says: tuple[str, ...]) -> None:
    with pytest.raises(SettingsInvalid) as error:
        run(load(file, overrides), asked, print)
    assert all(part in str(error.value) for part in says), error.value


def no_java(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)


def old_java(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    program = folder / "bin" / "java"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(folder))


def other_spark(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("SPARK_HOME", str(folder))


def other_pyspark(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "pyspark").mkdir()
    (folder / "pyspark/__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(folder))


def connect(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("SPARK_REMOTE", "sc://h")


def no_jars(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (no_java, ("no `java` on the PATH", "openjdk-17")),
        (old_java, ("Java 11", "needs Java 17")),
        (other_spark, ("SPARK_HOME", "unset")),
        (other_pyspark, ("PYTHONPATH", "take that out")),
        (connect, ("SPARK_REMOTE", "unset")),
        (no_jars, ("spark-sql-kafka", "instream engine setup spark")),
    ],
)
def test_a_set_up_that_cannot_work_is_said(
    broken: Callable[[pytest.MonkeyPatch, Path], None], says: tuple[str, ...], file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, tmp_path)
    with pytest.raises(SetUpFailed) as error:
        run(load(file), Run(), print)
    assert all(part in str(error.value) for part in says), error.value


def test_defaults_of_somebody_else_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spark-defaults.conf").write_text("spark.driver.memory 4g\n")
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    assert "SPARK_CONF_DIR" in check_environment()[0]


def test_errors_are_cut_out_of_what_spark_says() -> None:
    """The class is kept, the stack is not."""
    text = """[STREAM_FAILED] Query [id = 1] terminated with exception: Job aborted due to stage failure
  File "worker.py", line 3
instream.errors.Unavailable: no server answers at grpc://h:8081;
it was asked for 300 s

\tat org.apache.spark.api.python.BasePythonRunner(PythonRunner.scala:581)
Caused by: something else
"""
    found = error_of(Exception(text), "delays")
    assert type(found).__name__ == "Unavailable"
    assert str(found) == "no server answers at grpc://h:8081;\nit was asked for 300 s"
    gone = error_of(Exception("[STREAM_FAILED] Query [id = 1] terminated with exception: Some data may have been lost because"), "delays")
    assert is_lasting(gone)
    assert "--from earliest. Spark says: Some data may have been lost" in str(gone)
    raised = "Job aborted\nTraceback (most recent call last):\n  File 1\n    x()\nValueError: of the step\n\nCaused by: EOFException"
    assert str(error_of(Exception(raised), "delays")) == "delays: ValueError: of the step"
    assert "last" in str(error_of(Exception("x\nCaused by: first\nCaused by: last\n"), "delays"))
    assert type(error_of(Exception("nothing known"), "delays")) is InstreamError
