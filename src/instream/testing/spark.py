"""A published model and a pipeline file for Spark between topics of a broker; runs are commands, as an operator has them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from instream.stores import open_store
from instream.stores.promotion import promote
from instream.testing import topics
from instream.testing.faults.pipeline import Setting, setting_on
from instream.testing.faults.running import Running
from instream.testing.models import linear_package
from instream.testing.processes import children
from instream.testing.topics import Seen

_WAIT_S = 120.0
_SOURCE = "instream-source"


@dataclass(frozen=True, slots=True)
class SparkPipeline(Setting):
    """Everything that one test has for itself: topics, folder, pipeline file."""

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder}/models.db"

    def promote(self, weight: float) -> None:
        """Publish y = weight * x, and make it the champion."""
        store = open_store(self.store)
        version = store.put(linear_package(self.folder, weight))
        promote(store, "delay", version, by="test")

    def produce(self, values: Sequence[bytes | None], **options: object) -> None:
        topics.produce(self.bootstrap, f"{self.name}-in", values, **options)  # type: ignore[arg-type]  # of produce

    def start(self, *arguments: str, kill_at: Path | None = None, log: str = "run.log") -> Running:
        """`instream run … --engine spark`, in the background."""
        return self.run("--engine", "spark", *arguments, kill_at=kill_at, log=log)

    def to_end(self, *arguments: str, engine: str = "spark", environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """The same until it ends, from another folder."""
        command = [sys.executable, "-m", "instream.cli", "run", str(self.file), "--engine", engine, *arguments]
        return subprocess.run(command, env=environ, cwd="/", capture_output=True, text=True, timeout=240, check=False)

    def outputs(self) -> list[Seen]:
        return topics.visible(self.bootstrap, f"{self.name}-out")

    def letters(self) -> list[Seen]:
        return topics.visible(self.bootstrap, f"{self.name}-dead")

    def wait_until(self, enough: Callable[[list[Seen]], bool], running: Running) -> list[Seen]:
        """Until the outputs are enough; they. Raises AssertionError with the log when they do not come."""
        until = time.monotonic() + _WAIT_S
        while not enough(found := self.outputs()):
            assert time.monotonic() < until, f"{len(found)} outputs in {_WAIT_S} s:\n{running.log}"
            time.sleep(0.5)
        return found

    def python_workers(self, running: Running) -> list[int]:
        """Process ids of Spark's Python workers of a run: children of the daemon, which is a child of the JVM."""
        jvms = children(running.pid)
        daemons = [daemon for jvm in jvms for daemon in children(jvm)]
        return [worker for daemon in daemons for worker in children(daemon)]


def spark_pipeline(bootstrap: str, name: str, folder: Path, *, more: str = "", output: str = 'echo = ["id"]') -> SparkPipeline:
    """Publish y = 2x, make topics of two partitions and write the file; `more` is added to it."""
    open_store(f"sqlite:///{folder}/models.db").put(linear_package(folder, 2.0))
    on = setting_on("sqlite:///models.db", bootstrap, name, folder, "at_least_once", output=output, partitions=2, more=_OPTIONS + more)
    return SparkPipeline(on.bootstrap, on.name, on.folder, on.mode)


def empty_environment() -> dict[str, str]:
    """What `env -i PATH=…` leaves; PYTHONPATH only where these tests themselves need it."""
    return {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}


def source_of(seen: Seen) -> str:
    """`topic/partition/offset` of the record that an output or a dead letter was made of."""
    return (dict(seen.headers)[_SOURCE] or b"").decode()


_OPTIONS = """\
[engine.options]
"spark.ui.enabled" = false
"spark.driver.memory" = "700m"
"spark.driver.extraJavaOptions" = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""
