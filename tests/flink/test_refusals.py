"""What cannot run on Flink is said before anything starts, with the way out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from instream.deploy import Run
from instream.errors import InstreamError, SetUpFailed
from instream.flink import run
from instream.flink.surroundings import check_surroundings
from instream.settings import Pipeline

KAFKA = "kafka://127.0.0.1:1/"


def pipeline(folder: Path, **tables: Mapping[str, Any]) -> Pipeline:
    given: dict[str, Any] = {
        "name": "delays",
        "model": {"name": "delay"},
        "source": {"url": KAFKA + "in"},
        "sink": {"url": KAFKA + "out"},
        "dead_letter": {"url": KAFKA + "dead"},
        "folder": folder,
    }
    return Pipeline.model_validate({**given, **tables})


@pytest.mark.parametrize(
    ("tables", "asked", "phrase"),
    [
        ({"source": {"url": "in.jsonl"}}, Run(), "source.url = in.jsonl: on Flink every end is a Kafka topic"),
        ({"sink": {"url": "-"}}, Run(), "sink.url = -: on Flink every end is a Kafka topic"),
        ({"dead_letter": {"url": "dead.jsonl"}}, Run(), "dead_letter.url = dead.jsonl: on Flink every end is a Kafka topic"),
        ({"dead_letter": {"url": "kafka://other:1/dead"}}, Run(), "on another cluster"),
        ({"dead_letter": {"url": KAFKA + "dead", "options": {"linger.ms": 1}}}, Run(), "move them there"),
        ({"sink": {"url": KAFKA + "out", "partitioner": "source"}}, Run(), "cannot keep the partition"),
        ({}, Run(limit=5), "--limit 5: not on Flink"),
        (
            {"source": {"url": KAFKA + "in", "options": {"ssl.crl.location": "x"}}},
            Run(),
            "source.options: 'ssl.crl.location' is librdkafka's",
        ),
        ({"sink": {"url": KAFKA + "out", "options": {"transactional.id": "x"}}}, Run(), "'transactional.id' cannot be set"),
        ({"engine": {"jars": "nowhere"}}, Run(), "flink-sql-connector-kafka-5.0.0-2.2.jar not in"),
        ({"source": {"url": "kafka://127.0.0.1:1/in", "options": {"socket.timeout.ms": 100}}}, Run(), "127.0.0.1:1"),
    ],
)
def test_what_flink_cannot_do(tmp_path: Path, tables: dict[str, Any], asked: Run, phrase: str) -> None:
    with pytest.raises(InstreamError, match="(?s)" + phrase.replace(".", r"\.")):
        run(pipeline(tmp_path, **tables), asked, print)


def test_no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetUpFailed, match=r"Flink needs Java 11 to 21, and there is no `java` on the PATH"):
        run(pipeline(tmp_path), Run(), print)


@pytest.mark.parametrize("name", ["FLINK_HOME", "FLINK_CONF_DIR", "FLINK_LIB_DIR", "PYFLINK_GATEWAY_PORT", "SUBMIT_ARGS"])
def test_variables_of_another_flink(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in [each for each in os.environ if each.startswith(("FLINK_", "PYFLINK_"))]:
        monkeypatch.delenv(each)
    check_surroundings()
    monkeypatch.setenv(name, "/opt/flink")
    with pytest.raises(SetUpFailed, match=f"env -u {name}"):
        check_surroundings()
