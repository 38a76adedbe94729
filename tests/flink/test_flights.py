"""On Flink real flights, many of them spoiled, end as they do in our own workers, by each strategy."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.meaning.flights import FlightLaws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class TestFlink(FlightLaws):
    @pytest.fixture
    def engine(self) -> Sequence[str]:
        return ["--engine", "flink", "--workers", "2", "--set=engine.checkpoint_ms=1000"]
