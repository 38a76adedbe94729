import json
from pathlib import Path

import pytest

from instream.pipeline.letter import Letter, envelope, headers_of
from instream.testing.kafka import Broker
from tests.cli.conftest import Instream

LETTERS = [
    Letter(code="not_json", error="truncated", source="in/0/7", pipeline="signs", key=b"k", headers=(("trace", b"1"),), value=b'{"x":'),
    Letter(code="not_utf8", error="byte 0xff", source="in/1/8", pipeline="signs", version=3, value=b"\xff\x00"),
    Letter(code="empty", error="no value", source="in/1/9", pipeline="signs"),
]


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    path = tmp_path / "dead.jsonl"
    path.write_bytes(b"".join(envelope(letter) + b"\n" for letter in LETTERS))
    return path


def test_show_tells_where_why_and_what(instream: Instream, letters: Path) -> None:
    done = instream("dead-letters", "show", letters)
    assert done.status == 0, done.err
    assert "in/0/7" in done.out
    assert "truncated" in done.out
    assert "\\xff" in done.out
    assert "3 shown: 1 not_json, 1 not_utf8, 1 empty" in done.out


def test_show_is_bounded_and_speaks_json(instream: Instream, letters: Path) -> None:
    lines = instream("dead-letters", "show", letters, "--limit", 2, "--json").out.splitlines()
    assert [json.loads(line)["code"] for line in lines] == ["not_json", "not_utf8"]


def test_replay_puts_the_original_bytes_back(instream: Instream, tmp_path: Path) -> None:
    good = Letter(code="score_failed", error="", source="in/0/1", pipeline="signs", value=b'{"x": 1}')
    (tmp_path / "dead.jsonl").write_bytes(envelope(good) + b"\n" + envelope(LETTERS[2]) + b"\n")
    done = instream("dead-letters", "replay", "dead.jsonl", "--to", "again.jsonl")
    assert done.status == 0, done.err
    assert (tmp_path / "again.jsonl").read_bytes() == b'{"x": 1}\n'
    assert "1 records put back to again.jsonl" in done.out
    assert "1 tombstones left" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("replay", "dead.jsonl"), "--to"),
        (("show", "absent.jsonl"), "absent.jsonl"),
        (("show", "plain.jsonl"), "not a dead letter"),
        (("show", "dead.jsonl", "--option", "x"), "KEY=VALUE"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    instream: Instream, letters: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "plain.jsonl").write_text('{"x": 1}\n')
    done = instream("dead-letters", *arguments)
    assert done.status == 1
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_kafka_replays_each_letter_once_to_its_own_topic(instream: Instream, broker: Broker, unique: str) -> None:
    broker.create_topic(unique, partitions=2)
    broker.create_topic(f"{unique}-dead", partitions=2)
    for letter in LETTERS:
        origin = Letter(**{**{name: getattr(letter, name) for name in letter.__struct_fields__}, "source": f"{unique}/0/7"})
        broker.produce(f"{unique}-dead", [letter.value or b""], [letter.key], headers=list(headers_of(origin)))
    first = instream("dead-letters", "replay", broker.url(f"{unique}-dead"))
    assert first.status == 0, first.err
    assert f"2 records put back to {broker.url(unique)}" in first.out
    again = instream("dead-letters", "replay", broker.url(f"{unique}-dead"))
    assert "nothing to replay" in again.out
    seen = broker.visible(unique)
    assert sorted(record.value or b"" for record in seen) == sorted([b'{"x":', b"\xff\x00"])
    (keyed,) = [record for record in seen if record.key == b"k"]
    assert list(keyed.headers) == [("trace", b"1")]
    shown = instream("dead-letters", "show", broker.url(f"{unique}-dead"))
    assert "3 shown" in shown.out
