"""On Spark no record is lost, whatever dies."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from instream.testing.engine_faults import EngineFaultLaws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class TestSpark(EngineFaultLaws):
    task = "pyspark.daemon"

    @pytest.fixture
    def engine(self) -> Sequence[str]:
        return ["--engine", "spark", "--workers", "2"]
