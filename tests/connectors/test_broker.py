"""The broker that tests, demonstrations and benchmarks use keeps its promises."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from instream.engines.jars import jars
from instream.errors import SetUpFailed
from instream.testing.kafka import Broker

pytestmark = pytest.mark.slow


def test_data_and_port_survive_stop_and_kill() -> None:
    with Broker() as broker:
        broker.create_topic("flights", partitions=2)
        broker.produce("flights", [b'{"id": %d}' % i for i in range(100)], [b"k%d" % i for i in range(100)])
        before = broker.bootstrap
        broker.restart()
        assert broker.visible_ids("flights") == list(range(100))
        broker.kill()
        broker.start()
        assert broker.bootstrap == before
        assert broker.visible_ids("flights") == list(range(100))


def test_it_ends_when_whoever_started_it_is_killed() -> None:
    script = (
        "import os, signal\nfrom instream.testing.kafka import Broker\nbroker = Broker().start()\n"
        "print(broker._process.pid, broker._folder, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False).stdout.split()
    pid, folder = int(said[0]), Path(said[1])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (Path(f"/proc/{pid}").exists() or folder.exists()):
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()
    assert not folder.exists()


def test_a_missing_program_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetUpFailed, match=r"`java`.*apt-get install"):
        jars(tmp_path / "pom.xml", "kafka")
