"""Every command and every Python block of the README, run as written, in order, in one empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from instream.process.exits import MEANINGS
from instream.testing.kafka import Broker
from tests.docs.blocks import Block, blocks_of

README = Path(__file__).parents[2] / "README.md"
BLOCKS = blocks_of(README)

ELSEWHERE = {
    "make demo\nmake test\n": "tests/demo runs the demo; `make test` is what runs this",
    "make setup\n. .venv/bin/activate\n": "the tests run in that environment already",
}
"""Blocks that cannot be run from inside of the tests, and where they are."""

RUNNERS = {"bash": ["bash", "-eu", "-c"], "python": [sys.executable, "-c"]}


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_every_block_of_the_readme_runs(tmp_path: Path, broker: Broker) -> None:
    for block in BLOCKS:
        if block.language in RUNNERS and block.text not in ELSEWHERE:
            ran = run(block, tmp_path, broker)
            said = f"{README.name} line {block.line}, status {ran.returncode}\n{block.text}\n{ran.stdout}\n{ran.stderr}"
            assert ran.returncode == 0, said
            assert "Traceback" not in ran.stderr, said


def test_blocks_that_run_elsewhere_are_still_there() -> None:
    assert set(ELSEWHERE) <= {block.text for block in BLOCKS}


def test_the_exit_statuses_are_those_of_the_code() -> None:
    text = README.read_text(encoding="utf-8")
    for status, meaning in MEANINGS.items():
        assert f"| {status.value} | {meaning} |" in text


def run(block: Block, folder: Path, broker: Broker) -> subprocess.CompletedProcess[str]:
    """Run a block in a folder, with the installed command on the path and a real broker as $KAFKA."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "KAFKA": broker.bootstrap, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    environ.pop("INSTREAM_STORE", None)
    return subprocess.run([*RUNNERS[block.language], block.text], cwd=folder, env=environ, capture_output=True, text=True, timeout=300)
