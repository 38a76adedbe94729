"""On Spark real flights, many of them spoiled, end as they do in our own workers, by each strategy."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.meaning.flights import FlightLaws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class TestSpark(FlightLaws):
    timestamps = False  # Spark's sink lets nobody say a record's time

    @pytest.fixture
    def engine(self) -> Sequence[str]:
        return ["--engine", "spark", "--workers", "2"]
