"""Bad minutes in the life of a pipeline. Each ends with every record offered and the pipeline drained."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from instream.testing.faults.ledger import Ledger
from instream.testing.faults.pipeline import Setting
from instream.testing.faults.running import Running, gone
from instream.testing.kafka import Broker

RATE = 300
LAST_S = 60.0
_BATCH_POINTS = ("polled", "scored", "produced")
_COMMIT_POINTS = {"at_least_once": ("committing", "committed"), "exactly_once": ("offsets_sent", "committing", "committed")}
STARTED = "started"
_ENDS_S = 10.0
"""A worker whose supervisor was killed is gone after this."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario left behind; `orphans_ended` is False when a worker outlived its supervisor too long."""

    ledger: Ledger
    log: str
    exits: list[int]
    deaths: Counter[str] = field(default_factory=Counter)
    orphans_ended: bool = True


def kills(setting: Setting, seed: int) -> Outcome:
    """Two workers die at every named point twice, in an order that the seed gives."""
    plan = kill_plan(setting, Random(seed))
    kill_at = setting.folder / "kill_at"
    kill_at.write_text("".join(f"{line}\n" for line in plan))
    running = setting.run("--workers", "2", kill_at=kill_at)
    with setting.stream(RATE):
        began_s = time.monotonic()
        running.wait_until_said("killed at", times=len(plan), timeout_s=600)
        rest(began_s + LAST_S)
    return drained(setting, running)


def kill_plan(setting: Setting, random: Random) -> list[str]:
    """`point:n` lines: a batch point some seconds after the start of a worker, a commit point likewise."""
    plan = [f"{point}:{random.randint(20, 150)}" for point in _BATCH_POINTS * 2]
    plan += [f"{point}:{random.randint(5, 30)}" for point in _COMMIT_POINTS[setting.mode] * 2]
    random.shuffle(plan)
    return plan


def operations(setting: Setting, seed: int) -> Outcome:
    """A second run joins and leaves, the supervisor is killed and started again, SIGTERM ends it."""
    random = Random(seed)
    first = setting.run(log="first.log")
    with setting.stream(RATE):
        began_s = time.monotonic()
        first.wait_until_said("partitions assigned")
        second = setting.run(log="second.log")
        second.wait_until_said("partitions assigned")
        time.sleep(random.uniform(4, 8))
        exits = [second.terminate()]
        time.sleep(random.uniform(4, 8))
        orphans_ended = gone(first.kill(), _ENDS_S)
        again = setting.run(log="again.log")
        again.wait_until_said("partitions assigned")
        time.sleep(random.uniform(2, 4))
        exits.append(again.terminate())
        last = setting.run(log="last.log")
        rest(began_s + LAST_S)
    done = drained(setting, last)
    return Outcome(done.ledger, done.log, exits + done.exits, orphans_ended=orphans_ended)


def broker_restarts(setting: Setting, seed: int) -> Outcome:
    """The broker is stopped and killed while this runs, by `restart_twice`."""
    running = setting.run("--workers", "2")
    with setting.stream(RATE):
        running.wait_until_said("partitions assigned")
        (setting.folder / STARTED).touch()
        time.sleep(LAST_S)
    return drained(setting, running)


def restart_twice(broker: Broker, settings: Iterable[Setting], seed: int) -> None:
    """In the minute of `broker_restarts`: once in order, once not."""
    random = Random(seed)
    for each in settings:
        until((each.folder / STARTED).exists, 180, f"{each.name} runs")
    time.sleep(random.uniform(5, 10))
    broker.restart()
    time.sleep(random.uniform(8, 12))
    broker.kill()
    time.sleep(random.uniform(1, 3))
    broker.start()


SLOW_FEATURES = """\
import time
from pathlib import Path

import pyarrow as pa

MARK = Path(__file__).with_name("slept")


def make(batch: pa.RecordBatch) -> pa.RecordBatch:
    if not MARK.exists() and batch.num_rows and batch["x"][0].as_py() >= 100:
        MARK.touch()
        time.sleep(25)
    return batch
"""

SLOW_SETTINGS = """
[source.options]
"max.poll.interval.ms" = 10000
"session.timeout.ms" = 6000

[features]
function = "features.py:make"
"""


def slow_feature(setting: Setting, seed: int) -> Outcome:
    """One batch takes 25 s where the group allows 10 s between polls; the file has SLOW_SETTINGS."""
    (setting.folder / "features.py").write_text(SLOW_FEATURES)
    running = setting.run()
    with setting.stream(RATE):
        began_s = time.monotonic()
        until(lambda: (setting.folder / "slept").exists(), 180, "the feature step slept")
        rest(max(began_s + LAST_S, time.monotonic() + 30))
    return drained(setting, running)


def drained(setting: Setting, running: Running, within_s: float = 300) -> Outcome:
    """Wait until everything that was sent is committed, then SIGTERM."""
    try:
        until(lambda: not setting.uncommitted(), within_s, "everything is committed", running)
    finally:
        status = running.terminate()
    return Outcome(setting.ledger(), running.log, [status], running.deaths())


def rest(until_s: float) -> None:
    time.sleep(max(0.0, until_s - time.monotonic()))


def until(reached: Callable[[], bool], timeout_s: float, what: str, running: Running | None = None) -> None:
    """Raises AssertionError, with what `running` said, when it does not come to that."""
    end_s = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < end_s, f"not in {timeout_s} s: {what}\n{running.log if running is not None else ''}"
        time.sleep(0.25)
