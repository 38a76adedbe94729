"""The blocks of docs/engines.md that are about one engine, run as written, in the environment of that engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from instream.stores import open_store
from instream.testing.kafka import Broker
from instream.testing.models import linear_package
from tests.docs.blocks import blocks_of

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
RUNNERS = {"bash": ["bash", "-eu", "-c"], "python": [sys.executable, "-c"]}

_SCORING = """\
name = "docs"

[model]
name = "delay"
store = "sqlite:///models.db"

[source.fields]
x = "x"
"""
_ENDS = """\
[source]
url = "{url}-in"
start = "earliest"

[sink]
url = "{url}-out"
"""


def run_blocks(engine: str, folder: Path, broker: Broker, topic: str) -> str:
    """All of them in order; what they said. Raises AssertionError with what one said that failed."""
    open_store(f"sqlite:///{folder}/models.db").put(linear_package(folder, 2.0))
    for end in ("in", "out"):
        broker.create_topic(f"{topic}-{end}")
    broker.produce(f"{topic}-in", [b'{"x": 21}'])
    scoring = _SCORING.partition("\n[source.fields]")
    (folder / "scoring.toml").write_text(_SCORING)
    (folder / "pipeline.toml").write_text(scoring[0] + _ENDS.format(url=broker.url(topic)))
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    said = ""
    for block in blocks_of(PAGE):
        if block.word == engine:
            command = [*RUNNERS[block.language], block.text]
            done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=240, check=False)
            assert done.returncode == 0, f"{PAGE.name} line {block.line}\n{block.text}\n{done.stdout}\n{done.stderr}"
            said += done.stdout
    assert [seen.value for seen in broker.visible(f"{topic}-out")] == [b'{"y":42.0,"version":1}']
    return said
