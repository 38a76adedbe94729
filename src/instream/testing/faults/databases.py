"""Bad minutes of a database under a pipeline whose models it keeps: killed and frozen, while keys change and versions are published."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol

import msgspec

from instream.errors import StoreError
from instream.package import Version
from instream.stores import Store, open_store
from instream.testing import topics
from instream.testing.faults.pipeline import Setting
from instream.testing.faults.scenarios import RATE, Outcome, drained
from instream.testing.faults.stream import CITIES
from instream.testing.keyed import line, line_package, published

FROZEN_S = 60.0
TEXTS = tuple(f"s:{city}" for city in CITIES)
_CHANGED = 20
"""Keys that get new parameters at once."""

_AGAIN_S = 0.5

OUTPUT = """\
echo = ["city", "x"]
stamps = ["version", "parameters", "level", "age_ms"]"""

STRATEGY = """
[strategy]
kind = "database"
"""
"""What the pipeline file has besides."""


class Database(Protocol):
    """A real server that can be harmed."""

    def kill(self) -> None: ...
    def start(self) -> Any: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...


class Answer(msgspec.Struct):
    """An output record."""

    city: str
    x: float
    prediction: float
    parameters: int
    age_ms: int

    @property
    def k(self) -> float:
        """The number of the parameters that gave it: y = k x + k."""
        return self.prediction / (self.x + 1)


@dataclass(slots=True)
class Writers:
    """Give keys new numbers and publish versions until `over`; where the store does not answer, they go on a little later.

    Attributes:
        numbers: what was acknowledged, by key and revision.
        versions: that were acknowledged.
        failures: attempts that were not.
    """

    store: Store
    folder: Path
    random: Random
    numbers: dict[tuple[str, int], float] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    failures: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def update(self) -> None:
        k = 1_000.0
        while not self.over.wait(0.1):
            given = {text: k + at for at, text in enumerate(self.random.sample(TEXTS, _CHANGED))}
            k += _CHANGED
            revisions = self._tried(lambda given=given: self._parameters().write({text: line(k) for text, k in given.items()}))  # type: ignore[misc]
            self.numbers |= {(text, revision): given[text] for text, revision in (revisions or {}).items()}

    def publish(self) -> None:
        seed = 0
        while not self.over.wait(2.0):
            seed += 1
            package = line_package(self.folder, key={"city": "string"}, seed=seed)
            version = self._tried(lambda package=package: published(self.store, package, {TEXTS[0]: 1.0}))  # type: ignore[misc]
            self.versions += [] if version is None else [version]

    def _parameters(self) -> Any:
        return self.store.parameters("delay", Version(1))

    def _tried(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except StoreError:
            self.failures += 1
            self.over.wait(_AGAIN_S)
            return None


@dataclass(frozen=True, slots=True)
class Harmed:
    """What was left: the pipeline's outcome, its outputs, and what the writers were told."""

    outcome: Outcome
    answers: list[Answer]
    writers: Writers


def harmed(setting: Setting, database: Database, url: str, seed: int) -> Harmed:
    """A stream of all cities while the database is killed, comes back, and stands still for a minute."""
    random = Random(seed)
    store = open_store(url)
    published(store, line_package(setting.folder, key={"city": "string"}), dict.fromkeys(TEXTS, 1.0))
    writers = Writers(store, setting.folder, random)
    running = setting.run()
    with ThreadPoolExecutor(2) as pool, setting.stream(RATE):
        try:
            running.wait_until_said("partitions assigned")
            at_work = [pool.submit(writers.update), pool.submit(writers.publish)]
            time.sleep(random.uniform(5, 8))
            database.kill()
            time.sleep(random.uniform(3, 6))
            database.start()
            time.sleep(random.uniform(8, 12))
            database.freeze()
            time.sleep(FROZEN_S)
            database.thaw()
            time.sleep(random.uniform(8, 12))
        finally:
            writers.over.set()
        for each in at_work:
            each.result()
    outcome = drained(setting, running)
    seen = topics.visible(setting.bootstrap, f"{setting.name}-out")
    return Harmed(outcome, [msgspec.json.decode(each.value or b"", type=Answer) for each in seen], writers)
