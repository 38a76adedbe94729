"""An endless run on Flink through a swap, kills and a stop, with real processes and a real broker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from instream.stores import open_store
from instream.stores.promotion import promote
from instream.testing.faults.pipeline import Setting, setting
from instream.testing.faults.running import Running, gone
from instream.testing.flink import jvm_of, python_workers
from instream.testing.kafka import Broker
from instream.testing.models import linear_package

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ENGINE = """
[engine]
kind = "flink"
workers = 2
checkpoint_ms = 500
restart_ms = 200
"""


def until(condition: Callable[[], object], running: Running, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, running.log
        time.sleep(0.2)


def outputs(setting: Setting, broker: Broker) -> int:
    return len(broker.visible(f"{setting.name}-out"))


def more_than(count: int, setting: Setting, broker: Broker) -> bool:
    return outputs(setting, broker) > count


def further(setting: Setting, broker: Broker, running: Running) -> None:
    """Until more is visible than now, twice: what was open is committed, and new records pass."""
    for _ in range(2):
        until(partial(more_than, outputs(setting, broker), setting, broker), running)


def test_nothing_is_lost_or_doubled(broker: Broker, unique: str, tmp_path: Path) -> None:
    """Laws 4, 9 and 11: a promotion without a restart, kill -9 of a Python worker, SIGTERM, kill -9 of client and JVM, and an end."""
    made = setting(broker.bootstrap, unique, tmp_path, "exactly_once", partitions=2, more=ENGINE)
    with made.stream(2_000) as stream:
        first = made.run()
        until(lambda: outputs(made, broker) > 0, first)
        store = open_store(f"sqlite:///{tmp_path}/models.db")
        promote(store, "delay", store.put(linear_package(tmp_path, 3.0)), by="test")
        further(made, broker, first)
        workers = python_workers(first.pid)
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        further(made, broker, first)
        assert first.terminate() == 0
        assert "stopping with a savepoint" in first.log
        assert gone(workers, 10)
        at_rest = outputs(made, broker)

        second = made.run()
        second.wait_until_said("savepoint-")
        further(made, broker, second)
        assert outputs(made, broker) > at_rest
        jvm, workers = jvm_of(second.pid), python_workers(second.pid)
        os.kill(jvm, signal.SIGKILL)
        second.kill()
        assert gone(workers, 10)
        stream.stop()

    third = made.run("--until", "end")
    assert third.wait() == 0
    assert "first finishing what the last run left open" in third.log
    told = made.ledger()
    print(told)
    assert (told.lost, told.repeated, told.strangers, told.uncommitted) == ([], [], [], 0)
    stamps = [msgspec.json.decode(each.value)["version"] for each in broker.visible(f"{unique}-out") if each.value is not None]
    assert set(stamps) == {1, 2}
