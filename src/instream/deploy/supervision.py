"""Settings to a supervisor, its workers' slots and the metrics port."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from instream.connectors import set_start
from instream.connectors.look import partitions
from instream.connectors.url import KafkaUrl, parse
from instream.deploy.rules import refuse_impossible
from instream.deploy.work import STANDARD, Run, work_of
from instream.errors import SourceFailed
from instream.process.child import Entry
from instream.process.crashes import CRASHES_MAX
from instream.process.metrics_http import MetricsPort
from instream.process.slots import Slots
from instream.process.supervisor import Supervisor
from instream.secrets import resolve, resolve_options
from instream.settings import Pipeline

_ENTRY = "instream.cli.worker"


@dataclass(frozen=True, slots=True)
class Supervision:
    """A supervisor that is ready to run, and what a person should know before it does."""

    supervisor: Supervisor
    notes: Sequence[str]


@contextlib.contextmanager
def supervision(settings: Pipeline, run: Run, *, stderr: int | None = None) -> Iterator[Supervision]:
    """Everything that a pipeline's processes share, for as long as the block lasts.

    Args:
        stderr: where workers write their logs; None gives them this process's.
    Raises:
        SettingsInvalid: what was asked for cannot run.
    """
    refuse_impossible(settings, run)
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="instream-run-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        slots = stack.enter_context(contextlib.closing(Slots(settings.name, settings.engine.workers)))
        port: MetricsPort | None = None
        supervisor = Supervisor(
            _entry(settings, run, folder, stderr),
            slots.numbers,
            folder=folder,
            grace_s=settings.engine.grace_s,
            crashes_max=1 if settings.source is not None and settings.source.url == STANDARD else CRASHES_MAX,
            died=lambda pid: port.died(pid) if port is not None else None,
        )
        if settings.engine.metrics is not None:
            port = MetricsPort(settings.engine.metrics, folder, settings.name, lambda: supervisor.status)
            stack.callback(port.close)
        _set_start(settings, run)
        notes = [f"metrics at {port.url}/metrics"] if port is not None else []
        yield Supervision(supervisor, notes + _idle_workers(settings))


def _idle_workers(settings: Pipeline) -> list[str]:
    """Partitions are what workers share: one without any has nothing to do."""
    assert settings.source is not None
    workers, url = settings.engine.workers, parse(resolve(settings.source.url, settings.folder), settings.folder)
    if workers == 1 or not isinstance(url, KafkaUrl):
        return []
    try:
        found = partitions(url, resolve_options(settings.source.options, settings.folder))
    except SourceFailed:  # the workers wait for a broker that is away, and say what else is wrong
        return []
    if found >= workers:
        return []
    return [f"{workers} workers, but {url} has {found} partitions: {workers - found} will idle; engine.threads scores more at once"]


def _set_start(settings: Pipeline, run: Run) -> None:
    """`--from` moves the group's positions once, here: a worker that is started again must not begin anew."""
    if run.start is not None and not run.is_trial(settings):
        assert settings.source is not None
        source = settings.source.model_copy(update={"start": run.start})
        set_start(source, group=settings.name, folder=settings.folder, limits=settings.limits)


def _entry(settings: Pipeline, run: Run, folder: Path, stderr: int | None) -> Entry:
    assert settings.source is not None
    assert settings.sink is not None
    return Entry(
        _ENTRY,
        work_of(settings, run),
        stdin=None if settings.source.url == STANDARD else subprocess.DEVNULL,
        # What a feature step prints goes to the log, unless outputs go to standard output, which only the sink then writes.
        stdout=None if settings.sink.url == STANDARD else sys.stderr.fileno(),
        stderr=stderr,
        environ={"PROMETHEUS_MULTIPROC_DIR": str(folder)} if settings.engine.metrics is not None else {},
    )
