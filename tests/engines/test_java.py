"""Java before an engine starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from instream.engines.java import check_java
from instream.errors import SetUpFailed


def java(folder: Path, says: str) -> None:
    program = folder / "bin" / "java"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    program.chmod(0o755)


def test_a_java_that_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java(tmp_path, 'openjdk version "17.0.15"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert check_java("flink") == check_java("spark") == str(tmp_path / "bin/java")


@pytest.mark.parametrize(
    ("says", "said"),
    [('java version "1.8.0_292"', "Spark needs Java 17 to 25, and .*bin/java is Java 8: apt-get"), ("what?", "tells none: 'what")],
)
def test_one_that_will_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, said: str) -> None:
    java(tmp_path, says)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SetUpFailed, match=said):
        check_java("spark")


def test_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetUpFailed, match=r"Flink needs Java 11 to 21, and there is no `java`.*apt-get install"):
        check_java("flink")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SetUpFailed, match="does not run"):
        check_java("flink")
