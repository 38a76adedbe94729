from pathlib import Path

import pytest

from instream.errors import SettingsInvalid
from instream.secrets import plain_secrets, redact_options, redact_url, resolve
from instream.settings import load

FILE = """
name = "delays"
[model]
name = "delay"
[source]
url = "kafka://localhost:9092/flights"
[sink]
url = "out.jsonl"
[limits]
rows = 500
bytes = "8MB"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "delays.toml"
    path.write_text(FILE)
    return path


def test_a_file_and_overrides(path: Path) -> None:
    pipeline = load(path, ["limits.rows=7", "sink.url=-", 'output.echo=["id"]'])
    assert pipeline.limits.rows == 7
    assert pipeline.limits.bytes == 8_000_000
    assert pipeline.sink is not None
    assert pipeline.sink.url == "-"
    assert pipeline.output.echo == ("id",)
    assert pipeline.folder == path.parent


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("rows = 500", "rows = 0"), ["line 10", "limits.rows", "0", "greater than or equal to 1"]),
        (("rows = 500", "row = 500"), ["line 10", "limits.row is not a setting"]),
        (('name = "delay"', ""), ["model.name is missing"]),
        (('name = "delays"', 'name = "a b"'), ["line 2", "name = 'a b'"]),
        (("[sink]", "[sink"), ["not TOML"]),
    ],
)
def test_mistakes_are_named_with_their_line(path: Path, change: tuple[str, str], words: list[str]) -> None:
    path.write_text(FILE.replace(*change))
    with pytest.raises(SettingsInvalid) as raised:
        load(path)
    for word in words:
        assert word in str(raised.value)


def test_an_absent_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="instream init"):
        load(tmp_path / "none.toml")


def test_a_broken_override_shows_the_form(path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"section\.key=value"):
        load(path, ["limits.rows"])


def test_references_are_resolved_where_they_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pw").write_text("s3cret\n")
    monkeypatch.setenv("BROKER", "h1:9092")
    assert resolve("kafka://${env:BROKER}/t?${file:pw}", tmp_path) == "kafka://h1:9092/t?s3cret"
    with pytest.raises(SettingsInvalid, match="ABSENT_VARIABLE is not set"):
        resolve("${env:ABSENT_VARIABLE}", tmp_path)
    with pytest.raises(SettingsInvalid, match="none cannot be read"):
        resolve("${file:none}", tmp_path)


def test_secrets_are_never_shown() -> None:
    options = {"sasl.password": "s3cret", "ssl.key.password": "${file:pw}", "client.id": "me"}
    assert "s3cret" not in str(redact_options(options))
    assert redact_options(options)["client.id"] == "me"
    assert plain_secrets(options) == ["sasl.password"]
    assert redact_url("postgresql://ann:s3cret@host/db") == "postgresql://ann:***@host/db"
