import json
from pathlib import Path

from instream import settings
from instream.check import Level, check
from tests.cli.conftest import Instream


def write(path: Path, records: list[object]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def test_the_file_runs_as_it_is(instream: Instream, published: str, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", [{"id": i, "event": {"X": i / 7, "y": 1}} for i in range(150)])
    done = instream("init", "--model", published, "--source", "in.jsonl")
    assert done.status == 0, done.err
    assert "100 records looked at" in done.out
    loaded = settings.load(tmp_path / "sign.toml")
    assert loaded.source is not None
    assert loaded.source.fields == {"x": "/event/X", "y": "/event/y"}
    assert loaded.output.echo == ("id",)
    assert not [finding for finding in check(tmp_path / "sign.toml") if finding.level is not Level.OK]


def test_an_input_in_no_record_is_told(instream: Instream, published: str, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", [{"x": 1}, {"x": 2}])
    done = instream("init", "--model", published, "--source", "in.jsonl")
    assert done.status == 0
    assert "y (float64): in no record" in done.out


def test_a_file_that_exists_is_left_alone(instream: Instream, published: str, tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", [{"x": 1, "y": 2}])
    (tmp_path / "sign.toml").write_text("mine")
    done = instream("init", "--model", published, "--source", "in.jsonl")
    assert done.status == 1
    assert "exists already" in done.err
    assert (tmp_path / "sign.toml").read_text() == "mine"


def test_a_source_without_records_is_told(instream: Instream, published: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("not json\n")
    done = instream("init", "--model", published, "--source", "in.jsonl")
    assert done.status == 1
    assert "none is a JSON object" in done.err
