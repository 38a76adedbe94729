"""A published model and a pipeline file between two topics of a broker."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from instream.stores import open_store
from instream.testing import topics
from instream.testing.faults.ledger import Ledger, ledger, uncommitted
from instream.testing.faults.running import Running
from instream.testing.faults.stream import Stream
from instream.testing.models import linear_package

Mode = Literal["at_least_once", "exactly_once"]


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything that one test of faults has for itself: topics, folder, pipeline file."""

    bootstrap: str
    name: str
    folder: Path
    mode: Mode
    runs: list[Running] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "pipeline.toml"

    def run(self, *arguments: str, kill_at: Path | None = None, log: str = "run.log") -> Running:
        self.runs.append(Running(self.folder / log, "run", str(self.file), *arguments, kill_at=kill_at))
        return self.runs[-1]

    def end(self) -> None:
        """Kill what still runs: after a scenario that failed."""
        for running in self.runs:
            running.kill()

    def stream(self, rate: int) -> Stream:
        return Stream(self.bootstrap, f"{self.name}-in", rate)

    def uncommitted(self) -> int:
        """Records of the input that no committed position covers."""
        return uncommitted(self.bootstrap, self.name, f"{self.name}-in")

    def ledger(self) -> Ledger:
        return ledger(self.bootstrap, self.name, f"{self.name}-in", f"{self.name}-out", f"{self.name}-dead")


def setting(bootstrap: str, name: str, folder: Path, mode: Mode, *, partitions: int = 4, more: str = "") -> Setting:
    """Publish y = 2x, make the topics and write the file; `more` is added to it, whole tables."""
    folder.mkdir(parents=True, exist_ok=True)
    store = open_store(f"sqlite:///{folder}/models.db")
    store.put(linear_package(folder, 2.0))
    return setting_on("sqlite:///models.db", bootstrap, name, folder, mode, partitions=partitions, more=more)


def setting_on(
    store: str,
    bootstrap: str,
    name: str,
    folder: Path,
    mode: Mode,
    *,
    output: str = 'echo = ["id"]',
    partitions: int = 4,
    more: str = "",
) -> Setting:
    """The same for a store that has, or will have, the model `delay`."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("in", "out", "dead"):
        topics.create_topic(bootstrap, f"{name}-{part}", partitions)
    made = Setting(bootstrap, name, folder, mode)
    made.file.write_text(_FILE.format(name=name, mode=mode, broker=f"kafka://{bootstrap}", output=output, store=store) + more)
    return made


_FILE = """\
name = "{name}"

[model]
name = "delay"
store = "{store}"

[output]
{output}
source_id = true

[source]
url = "{broker}/{name}-in"
start = "earliest"

[sink]
url = "{broker}/{name}-out"

[dead_letter]
url = "{broker}/{name}-dead"
max_fraction = 0.5

[delivery]
mode = "{mode}"
"""
