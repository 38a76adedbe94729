"""Prometheus figures of a pipeline on an engine: one port where the engine runs here, one for each process on a cluster."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import start_http_server

from instream.errors import SettingsInvalid
from instream.process.messages import Report
from instream.process.metrics_http import MetricsPort
from instream.process.status import State, Status, Totals, WorkerStatus
from instream.settings import Pipeline

_SHARED = "PROMETHEUS_MULTIPROC_DIR"
_PORTS = 64
"""Processes of a pipeline on one machine of a cluster that get a port each."""


@contextlib.contextmanager
def exposed(settings: Pipeline, say: Callable[[str], None], ready: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Serve /metrics, /health and /ready while the block lasts, where the file has `engine.metrics`; say where.

    Processes that are started inside of it leave their figures there.

    Args:
        ready: what /ready answers.
    Raises:
        SettingsInvalid: the address cannot be used.
    """
    if settings.engine.metrics is None:
        yield
        return
    before = os.environ.get(_SHARED)
    with tempfile.TemporaryDirectory(prefix="instream-metrics-", ignore_cleanup_errors=True) as name:
        folder = Path(name)

        def status() -> Status:
            for pid in _ended(folder):
                port.died(pid)
            state = State.RUNNING if ready() else State.STARTING
            return Status((WorkerStatus(0, os.getpid(), state, Report()),), Totals(), draining=False)

        port = MetricsPort(settings.engine.metrics, folder, settings.name, status)
        os.environ[_SHARED] = name
        say(f"metrics at {port.url}/metrics")
        try:
            yield
        finally:
            port.close()
            if before is None:
                del os.environ[_SHARED]
            else:
                os.environ[_SHARED] = before


def _ended(folder: Path) -> list[int]:
    """Processes that an engine has ended, and whose gauges are still there."""
    pids = {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}
    return [pid for pid in pids if not Path(f"/proc/{pid}").exists()]


def expose_process(settings: Pipeline) -> str | None:
    """On a cluster: serve /metrics of this process, on `engine.metrics` or the first free port after it; the address.

    None where nobody asked for it, or where the processes of this machine share a port already.

    Raises:
        SettingsInvalid: none of 64 ports is free, or it is no address.
    """
    if settings.engine.metrics is None or _SHARED in os.environ:
        return None
    host, _, first = settings.engine.metrics.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not first.isdecimal():
        raise SettingsInvalid(f"engine.metrics = {settings.engine.metrics!r}: expected host:port")
    for port in range(int(first), int(first) + _PORTS):
        with contextlib.suppress(OSError):
            server, _ = start_http_server(port, host)
            return f"{host}:{server.server_port}"
    raise SettingsInvalid(f"engine.metrics = {settings.engine.metrics!r}: none of {_PORTS} ports from there on can be used; name another")
