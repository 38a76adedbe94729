"""What every benchmark stands on: a broker, the model, scratch folders, progress on the terminal."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.contestants.protocol import Job
from benchmarks.model import publish_w2, write_onnx
from benchmarks.topics import fill
from instream.testing.kafka import Broker

CONSOLE = Console()


@dataclass(frozen=True, slots=True)
class Stage:
    """A running broker and a published model."""

    broker: Broker
    folder: Path
    model: Path
    store: str
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def job(self, name: str, source: str) -> Job:
        """A job that nobody had before: its own group, output topic and folder."""
        unique = f"{name}-{next(self._numbers)}"
        folder = self.folder / unique
        folder.mkdir()
        return Job(self.broker.bootstrap, source, f"out-{unique}", unique, self.model, self.store, folder)

    def fill(self, topic: str, total: int, records: Iterable[tuple[bytes | None, bytes | None]]) -> str:
        """Write a topic, with progress; its name."""
        with progress(f"filling {topic}", total) as more:
            fill(self.broker.bootstrap, topic, records, more)
        return topic


@contextmanager
def stage() -> Iterator[Stage]:
    """Start a broker and publish the model; everything goes when it ends."""
    with tempfile.TemporaryDirectory(prefix="instream-bench-") as name, Broker() as broker:
        folder = Path(name)
        model, store = write_onnx(folder / "w2.onnx"), f"sqlite:///{folder / 'models.db'}"
        publish_w2(model, store)
        yield Stage(broker, folder, model, store)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar that goes when the work is done; call what it gives with how many more are done."""
    columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=CONSOLE, transient=True, disable=not CONSOLE.is_terminal) as bars:
        task = bars.add_task(what, total=total)
        yield lambda more: bars.advance(task, more)
