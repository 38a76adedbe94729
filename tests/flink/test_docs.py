"""What docs/engines.md says of Flink."""

from __future__ import annotations

from pathlib import Path

import pytest

from instream.testing.kafka import Broker
from tests.docs.engines import run_blocks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_every_block_runs(tmp_path: Path, broker: Broker, unique: str) -> None:
    said = run_blocks("flink", tmp_path, broker, unique)
    assert said.count("200.0") == 2
    assert "null: " in said
