"""Faults of a model server under pipelines on a real broker: killed, stopped, its head moved again and again, a backlog at once.

The scenarios run at the same time, a minute each at least; each test judges its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from instream.testing import topics
from instream.testing.faults.judging import judge, seeds
from instream.testing.faults.pipeline import Setting, setting
from instream.testing.faults.remote import STOPPED_SETTINGS, heads_moved, hung_up, piped, server_killed, server_of, server_stopped
from instream.testing.faults.scenarios import Outcome, drained
from instream.testing.kafka import Broker
from tests.server.asking import after_the_largest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BACKLOG = 500_000


@pytest.fixture(scope="module", params=seeds(), ids="seed{}".format)
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def settings(broker: Broker, seed: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Setting]]:
    made = {
        "killed-grpc": setting(broker.bootstrap, f"killed-grpc-{seed}", tmp_path_factory.mktemp("k1"), "exactly_once"),
        "killed-http": setting(broker.bootstrap, f"killed-http-{seed}", tmp_path_factory.mktemp("k2"), "at_least_once"),
        "stopped": setting(broker.bootstrap, f"stopped-{seed}", tmp_path_factory.mktemp("s"), "exactly_once", more=STOPPED_SETTINGS),
        "moved": setting(broker.bootstrap, f"moved-{seed}", tmp_path_factory.mktemp("m"), "exactly_once"),
    }
    yield made
    for each in made.values():
        each.end()


@pytest.fixture(scope="module")
def results(settings: dict[str, Setting], seed: int) -> Iterator[dict[str, Future[object]]]:
    with ThreadPoolExecutor(3) as pool:
        yield {
            "killed": pool.submit(server_killed, {"grpc": settings["killed-grpc"], "http": settings["killed-http"]}, seed),
            "stopped": pool.submit(server_stopped, settings["stopped"], "grpc"),
            "moved": pool.submit(heads_moved, settings["moved"]),
        }


def test_a_server_that_is_killed_loses_nothing(results: dict[str, Future[object]]) -> None:
    """Law 9: ten times, under a paced stream, over both transports; no offset twice where that was promised."""
    outcomes = results["killed"].result()
    assert isinstance(outcomes, dict)
    judge(outcomes["grpc"], "exactly_once", least=20 * 300)
    judge(outcomes["http"], "at_least_once", least=20 * 300)
    for outcome in outcomes.values():
        assert "waiting for the predictor" in outcome.log


def test_a_server_that_does_not_answer_holds_the_stream(results: dict[str, Future[object]]) -> None:
    """Law 8: a minute without answers where the group allows 20 s between polls: the worker stays in its group."""
    outcome = results["stopped"].result()
    assert isinstance(outcome, Outcome)
    judge(outcome, "exactly_once")
    assert outcome.log.count("partitions assigned") == 1
    assert "partitions lost" not in outcome.log


def test_every_stamp_is_that_of_its_answer(results: dict[str, Future[object]], settings: dict[str, Setting]) -> None:
    """Law 3: while the head moves fifty times, for the pipeline and for everybody else who asks."""
    found = results["moved"].result()
    assert isinstance(found, tuple)
    outcome, answers, wrong = found
    judge(outcome, "exactly_once")
    assert answers > 1_000
    assert not wrong
    seen = [msgspec.json.decode(each.value or b"") for each in topics.visible(settings["moved"].bootstrap, f"{settings['moved'].name}-out")]
    says = {2: 1.0, 3: 2.0}
    assert {each["version"] for each in seen} == set(says)
    assert all(each["y"] == says[each["version"]] for each in seen)


def test_a_backlog_and_clients_that_hang_up_do_not_grow_the_server(broker: Broker, tmp_path: Path) -> None:
    """Law 7: a restart with half a million records, and 500 callers who go after 10 ms; nothing is lost, memory stays."""
    made = setting(broker.bootstrap, "backlog", tmp_path, "at_least_once")
    values = (b'{"id":%d,"x":%d.0}' % (n, n % 1_000) for n in range(BACKLOG))
    topics.produce(broker.bootstrap, "backlog-in", values)
    with server_of(made, "--waiting-mb", "32") as server:
        before = after_the_largest(server)
        running = piped(made, server, "grpc")
        running.wait_until_said("partitions assigned")
        hung_up(server, 500, 0.01)
        outcome = drained(made, running, within_s=300)
        assert (outcome.ledger.records, outcome.ledger.outputs >= BACKLOG, outcome.ledger.lost) == (BACKLOG, True, [])
        assert server.peak() - before < (32 + 32) << 20
        assert server.running.log.count("a request failed") == 0
