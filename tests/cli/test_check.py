import json
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from instream.check import Finding, Level, check
from instream.testing.kafka import Broker
from tests.cli.conftest import Instream

PIPELINE = """
name = "signs"
[model]
name = "sign"
[source]
url = "in.jsonl"
[sink]
url = "out.jsonl"
[dead_letter]
url = "dead.jsonl"
"""
GOOD = '{"id": 1, "x": 0.5, "y": 1}\n' * 10


@pytest.fixture
def pipeline(tmp_path: Path, published: str) -> Path:
    (tmp_path / "in.jsonl").write_text(GOOD)
    path = tmp_path / "signs.toml"
    path.write_text(PIPELINE)
    return path


def found(path: Path, *overrides: str, level: Level = Level.ERROR) -> list[Finding]:
    return [finding for finding in check(path, overrides) if finding.level is level]


def test_what_runs_has_no_error(instream: Instream, pipeline: Path) -> None:
    done = instream("check", pipeline)
    assert done.status == 0, done.out
    assert "10 looked at: 10 scored" in done.out
    assert "sign@1 (the head, revision 1)" in done.out
    assert not found(pipeline, level=Level.WARNING)


def test_json_has_every_finding(instream: Instream, pipeline: Path) -> None:
    done = instream("check", pipeline, "--json", "--set", "source.url=absent.jsonl")
    assert done.status == 1
    findings = json.loads(done.out)
    assert {"level": "error", "part": "source"}.items() <= next(each for each in findings if each["level"] == "error").items()
    assert all(each["fix"] for each in findings if each["level"] == "warning")


@pytest.mark.parametrize(
    ("override", "part", "said"),
    [
        ("limits.rows=0", "file", "limits.rows"),
        ("engine.kind=flink", "engine", "Flink is not installed"),
        ("model.name=other", "store", "other"),
        ("model.name=sign@9", "store", "sign@9"),
        ("source.url=absent.jsonl", "source", "no such file"),
        ("sink.url=absent/out.jsonl", "sink", "absent is not there"),
        ("sink.url=out.txt", "sink", ".jsonl"),
        ("delivery.mode=exactly_once", "delivery", "transactions cannot cover"),
        ("features.function=absent.py:make", "records", "absent.py"),
        ("limits.memory=1MiB", "memory", "limits.memory"),
        ('source.options={"sasl.password" = "${env:NOBODY_SETS_THIS}"}', "source", "NOBODY_SETS_THIS"),
        ("engine.workers=4", "delivery", "--workers 1"),
        ('source.fields={z = "/z"}', "records", "source.fields.z"),
    ],
)
def test_what_would_not_run_is_an_error_of_its_part(pipeline: Path, override: str, part: str, said: str) -> None:
    errors = found(pipeline, override)
    assert part in [error.part for error in errors], errors
    assert any(said in error.found for error in errors if error.part == part), errors


def test_a_password_in_the_file_is_a_warning_and_is_not_shown(instream: Instream, pipeline: Path) -> None:
    done = instream("check", pipeline, "--set", 'source.options={"sasl.password" = "hunter2"}')
    assert done.status == 0
    assert "sasl.password stands in the file" in done.out
    assert "hunter2" not in done.out + done.err


def test_records_that_do_not_fit_are_counted_by_reason(pipeline: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(GOOD + '{"x": 1}\n{"x": "one", "y": 2}\n')
    (warning,) = found(pipeline, level=Level.WARNING)
    assert "2 of 12 cannot be scored" in warning.found
    assert "missing" in warning.found
    (tmp_path / "in.jsonl").write_text('{"x": 1}\n' * 5)
    (error,) = found(pipeline)
    assert "5 of 5" in error.found


def test_nothing_is_written(pipeline: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.suffix in (".toml", ".jsonl")}
    list(check(pipeline))
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.suffix in (".toml", ".jsonl")} == before


def test_no_place_for_dead_letters_is_a_warning(tmp_path: Path, pipeline: Path) -> None:
    pipeline.write_text(PIPELINE.replace('[dead_letter]\nurl = "dead.jsonl"\n', ""))
    assert [warning.part for warning in found(pipeline, level=Level.WARNING)] == ["dead_letter"]


@pytest.mark.slow
def test_kafka_is_asked_for_topics_and_partitions(pipeline: Path, broker: Broker, unique: str) -> None:
    source, sink = broker.create_topic(unique, partitions=2), broker.create_topic(f"{unique}-out", partitions=2)
    broker.produce(source, [b'{"id": 1, "x": 0.5, "y": 1}'] * 150)
    there = [f"source.url={broker.url(source)}", f"sink.url={broker.url(sink)}", f"dead_letter.url={broker.url(sink)}"]
    findings = list(check(pipeline, [*there, "delivery.mode=exactly_once", "engine.workers=2"]))
    assert {finding.level for finding in findings} == {Level.OK}, findings
    assert any("exactly once" in finding.found for finding in findings)
    assert any("100 looked at: 100 scored" in finding.found for finding in findings)
    assert broker.committed("signs", source) == {}

    (idle,) = found(pipeline, *there, "engine.workers=3", level=Level.WARNING)
    assert "3 workers for 2 partitions: 1 would idle" in idle.found
    (absent,) = found(pipeline, *there, f"source.url={broker.url(unique + '-absent')}")
    assert (absent.part, "no topic" in absent.found) == ("source", True)
    assert f"{unique}-absent" not in broker_topics(broker), "looking must not make a topic"
    (refused,) = found(pipeline, *there, f"source.url=kafka://127.0.0.1:1/{source}")
    assert refused.part == "source"


def broker_topics(broker: Broker) -> set[str]:
    return set(AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=20).topics)
