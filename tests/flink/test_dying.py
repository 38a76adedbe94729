"""On Flink no record is lost or doubled, whatever dies."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from instream.testing.engine_faults import EngineFaultLaws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class TestFlink(EngineFaultLaws):
    exactly_once = True
    task = "pyflink.fn_execution.beam"

    @pytest.fixture
    def engine(self) -> Sequence[str]:
        return ["--engine", "flink", "--workers", "2", "--set=engine.checkpoint_ms=1000"]
