from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from instream.flow.points import VARIABLE

PROGRAM = "from instream.flow.points import reached\nfor _ in range(3): reached('polled'); reached('scored')"


def ended(wanted: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, VARIABLE: wanted}, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr


def test_it_dies_at_the_nth_time() -> None:
    assert ended("scored:3") == (-signal.SIGKILL, "killed at scored\n")
    assert ended("scored:4") == (0, "")


def test_without_the_variable_nothing_happens() -> None:
    assert ended("") == (0, "")


def test_processes_take_the_lines_of_a_file_in_turn(tmp_path: Path) -> None:
    plan = tmp_path / "plan"
    plan.write_text("polled:1\nscored:2\n")
    assert [ended(f"@{plan}")[1] for _ in range(3)] == ["killed at polled\n", "killed at scored\n", ""]


def test_a_thread_that_comes_by_while_another_dies_takes_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = tmp_path / "plan"
    plan.write_text("polled:1\nscored:1\n")
    monkeypatch.setenv(VARIABLE, f"@{plan}")
    points = importlib.reload(importlib.import_module("instream.flow.points"))
    with monkeypatch.context() as patched:
        patched.setattr("instream.flow.points.os.kill", lambda pid, how: points.reached("scored"))
        points.reached("polled")
    assert plan.read_text() == "scored:1\n"
    monkeypatch.delenv(VARIABLE)
    importlib.reload(points)
