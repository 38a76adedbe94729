"""What a URL means, and what is said of one that means nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from instream.connectors import carries_headers, format_of
from instream.connectors.start import start_of
from instream.connectors.url import FileUrl, KafkaUrl, StandardUrl, parse
from instream.errors import SettingsInvalid


def test_kinds() -> None:
    assert parse("kafka://h1:9092,h2/flights.v1") == KafkaUrl("h1:9092,h2", "flights.v1")
    assert parse("kafka://[::1]:9092/flights") == KafkaUrl("[::1]:9092", "flights")
    assert parse("-") == StandardUrl()
    assert parse("in/a.b.jsonl.gz", Path("/x")) == FileUrl(Path("/x/in/a.b.jsonl.gz"), ".jsonl.gz")
    assert parse("file:///y/a.parquet", Path("/x")) == FileUrl(Path("/y/a.parquet"), ".parquet")
    assert (format_of("a.parquet"), format_of("-"), carries_headers("kafka://h/t"), carries_headers("a.jsonl")) == (
        "arrow",
        "json",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kafka://h1:9092", "expected kafka://host:port/topic"),
        ("kafka:///topic", "expected kafka://host:port"),
        ("kafka://h:1/a/b", "not a topic's name"),
        ("kafka://ann:secret@h:1/t", "sasl.username"),
        ("mqtt://h/t", "no connector for mqtt"),
        ("flights.csv", r"must end in \.jsonl"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said) as failed:
        parse(text)
    assert "secret" not in str(failed.value)


def test_starts() -> None:
    assert start_of("latest") == "latest"
    assert start_of("2013-07-01") == start_of("2013-07-01T00:00:00+00:00") == 1372636800000
    with pytest.raises(SettingsInvalid, match="expected earliest, latest or a time"):
        start_of("yesterday")
