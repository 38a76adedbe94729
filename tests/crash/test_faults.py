"""Faults on a real broker: killed at every named point, supervisor killed, broker restarted, workers joining and leaving.

All scenarios on one broker run at the same time, a minute at least; each test then judges its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import pytest

from instream.testing.faults.judging import judge, seeds
from instream.testing.faults.pipeline import Mode, Setting, setting
from instream.testing.faults.scenarios import (
    SLOW_SETTINGS,
    Outcome,
    broker_restarts,
    kills,
    operations,
    restart_twice,
    slow_feature,
)
from instream.testing.kafka import Broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MODES: tuple[Mode, ...] = get_args(Mode)
Results = Mapping[tuple[str, Mode], "Future[Outcome]"]

SCENARIOS: Mapping[tuple[str, Mode], tuple[Callable[[Setting, int], Outcome], str, str]] = {
    ("kills", "at_least_once"): (kills, "test_a_kill", ""),
    ("kills", "exactly_once"): (kills, "test_a_kill", ""),
    ("operations", "at_least_once"): (operations, "test_operations", ""),
    ("operations", "exactly_once"): (operations, "test_operations", ""),
    ("slow", "at_least_once"): (slow_feature, "test_a_slow", SLOW_SETTINGS),
}
"""The scenario, the test that judges it, and what its pipeline file has besides."""


@pytest.fixture(scope="module", params=seeds(), ids="seed{}".format)
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest, broker: Broker, seed: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    """The scenarios of the tests that were chosen, all at once."""
    wanted = " ".join(item.name for item in request.session.items)
    made: list[Setting] = []
    with ThreadPoolExecutor(len(SCENARIOS)) as pool:
        found = {}
        for (name, mode), (scenario, test, more) in SCENARIOS.items():
            if test in wanted:
                folder = tmp_path_factory.mktemp(name)
                made.append(setting(broker.bootstrap, f"{name}-{mode}-{seed}", folder, mode, more=more))
                found[name, mode] = pool.submit(scenario, made[-1], seed)
        yield found
        for each in made:
            each.end()


@pytest.mark.parametrize("mode", MODES)
def test_a_kill_at_any_point_loses_nothing(results: Results, mode: Mode) -> None:
    """Law 9: workers are killed at every named point, each at least twice."""
    outcome = results["kills", mode].result()
    print(f"killed: {dict(outcome.deaths)}")
    judge(outcome, mode)
    assert min(outcome.deaths.values()) >= 2
    assert len(outcome.deaths) == (5 if mode == "at_least_once" else 6)


@pytest.mark.parametrize("mode", MODES)
def test_operations_lose_nothing(results: Results, mode: Mode) -> None:
    """Laws 9 and 11: a worker joins and leaves, the supervisor is killed, SIGTERM drains."""
    outcome = results["operations", mode].result()
    judge(outcome, mode)
    assert outcome.orphans_ended


def test_a_slow_feature_step_repeats_nothing(results: Results) -> None:
    """25 s of work where the group allows 10 s between polls: the worker stays in its group."""
    outcome = results["slow", "at_least_once"].result()
    judge(outcome, "at_least_once")
    assert not outcome.ledger.repeated
    assert outcome.log.count("partitions assigned") == 1
    assert "partitions lost" not in outcome.log


def test_a_broker_that_restarts_loses_nothing(seed: int, tmp_path: Path) -> None:
    """Law 9: the broker is stopped once and killed once; both modes wait and go on."""
    with Broker() as own, ThreadPoolExecutor(4) as pool:
        settings = {mode: setting(own.bootstrap, f"restart-{mode}", tmp_path / mode, mode) for mode in MODES}
        running = {mode: pool.submit(broker_restarts, each, seed) for mode, each in settings.items()}
        restart_twice(own, settings.values(), seed)
        for mode, each in running.items():
            judge(each.result(), mode)
