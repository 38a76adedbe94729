"""The laws that engines are held to, on our own workers: two of them against one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.meaning.flights import FlightLaws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class TestTwoWorkers(FlightLaws):
    @pytest.fixture
    def engine(self) -> Sequence[str]:
        return ["--engine", "workers", "--workers", "2"]
