"""The Python of docs/models.md runs as written."""

import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import blocks_of

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def test_every_python_block_runs(tmp_path: Path) -> None:
    blocks = [block for block in blocks_of(PAGE) if block.language == "python"]
    assert blocks
    for block in blocks:
        ran = subprocess.run([sys.executable, "-c", block.text], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, f"line {block.line}\n{ran.stderr}"
        assert "'error': None" in ran.stdout
