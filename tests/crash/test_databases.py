"""A pipeline whose models are in a database that is killed and frozen: nothing is lost, and no answer is of two parameters."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from instream.stores import open_store
from instream.testing.cassandra import Node
from instream.testing.faults.databases import FROZEN_S, OUTPUT, STRATEGY, Harmed, harmed
from instream.testing.faults.judging import judge, seeds
from instream.testing.faults.pipeline import Setting, setting_on
from instream.testing.kafka import Broker
from instream.testing.postgresql import Postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

Results = dict[str, "Future[Harmed]"]


@pytest.fixture(scope="module")
def urls() -> dict[str, str]:
    """Of the stores, by the name of their database."""
    return {}


@pytest.fixture(scope="module", params=seeds(), ids="seed{}".format)
def results(
    request: pytest.FixtureRequest, broker: Broker, urls: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Results]:
    """All databases at once: most of the time they stand still."""
    seed = int(request.param)
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        postgres, node = stack.enter_context(Postgres()), stack.enter_context(Node())
        urls |= {"postgresql": postgres.database(), "cassandra": node.url(node.keyspace())}
        found: Results = {}
        for name, database in (("postgresql", postgres), ("cassandra", node)):
            made = _setting(broker, urls[name], f"{name}-{seed}", tmp_path_factory.mktemp(name))
            stack.callback(made.end)
            found[name] = pool.submit(harmed, made, database, urls[name], seed)
        yield found
        for each in found.values():
            each.exception()


def _setting(broker: Broker, url: str, name: str, folder: Path) -> Setting:
    return setting_on(url, broker.bootstrap, name, folder, "at_least_once", output=OUTPUT, more=STRATEGY)


@pytest.mark.parametrize("database", ["postgresql", "cassandra"])
def test_a_database_that_dies_and_stands_still(results: Results, urls: dict[str, str], database: str) -> None:
    """Laws 4, 5, 9 and 10."""
    found = results[database].result()
    writers = found.writers
    print(f"{len(writers.numbers):,} updates, {len(writers.versions)} versions, {writers.failures} attempts failed")
    judge(found.outcome, "at_least_once")
    assert found.outcome.log.count("partitions assigned") == 1  # nothing was started again
    numbers: dict[tuple[str, int], float] = dict(writers.numbers)
    for answer in found.answers:
        text = f"s:{answer.city}"
        assert numbers.setdefault((text, answer.parameters), round(answer.k, 6)) == pytest.approx(answer.k)
    assert len({answer.parameters for answer in found.answers}) > 50
    assert max(answer.age_ms for answer in found.answers) > FROZEN_S * 500  # keys in memory went on
    assert writers.failures > 0
    store = open_store(urls[database])
    for version in writers.versions:
        store.open("delay", version).verify()
    in_force = store.parameters("delay", store.versions("delay")[0])
    for text, revision in writers.numbers:
        assert in_force.read([text])[text].revision >= revision
    store.close()
