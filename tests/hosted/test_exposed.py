"""Figures of a pipeline on an engine, for Prometheus."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest

from instream.errors import SettingsInvalid
from instream.hosted.exposed import expose_process, exposed
from instream.settings import Engine, Model, Pipeline

COUNT = "from instream.observe import metrics; metrics.RECORDS_IN.labels('p').inc(41); metrics.HELD.labels('p').set(1)"


def settings(metrics: str | None) -> Pipeline:
    return Pipeline(name="p", model=Model(name="m"), engine=Engine(metrics=metrics), folder=Path())


def text(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())


def test_one_port_shows_the_processes_that_the_engine_starts_here() -> None:
    said, started = list[str](), threading.Event()
    with exposed(settings("127.0.0.1:0"), said.append, started.is_set):
        url = said[0].removeprefix("metrics at ").removesuffix("/metrics")
        for _ in range(2):
            subprocess.run([sys.executable, "-c", COUNT], check=True)
        figures = text(f"{url}/metrics")
        assert 'instream_records_in_total{pipeline="p"} 82.0' in figures
        assert "instream_held{" not in figures, "a gauge of processes that are no more"
        with pytest.raises(HTTPError, match="503"):
            text(f"{url}/ready")
        started.set()
        assert text(f"{url}/ready") == "worker 0: running\n"
        assert expose_process(settings("127.0.0.1:0")) is None, "they share it"
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    with exposed(settings(None), said.append):
        assert len(said) == 1


def test_on_a_cluster_each_process_takes_the_next_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = taken.getsockname()[1]
        address = expose_process(settings(f"127.0.0.1:{first}"))
        assert address is not None
        assert int(address.rpartition(":")[2]) > first
        assert "instream_records_in_total" in text(f"http://{address}/metrics")
    with pytest.raises(SettingsInvalid, match="expected host:port"):
        expose_process(settings("somewhere"))
