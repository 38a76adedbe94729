"""`instream run` as a user runs it: files, a shell pipe, a trial on a broker, and how it ends."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from instream.stores import open_store
from instream.testing.faults.pipeline import setting
from instream.testing.faults.scenarios import until
from instream.testing.kafka import Broker
from instream.testing.models import linear_package

pytestmark = pytest.mark.slow

FILE = """\
name = "doubles"
model = { name = "delay", store = "sqlite:///models.db" }
output = { echo = ["id"] }
source = { url = "in.jsonl" }
sink = { url = "out.jsonl" }
"""
DEAD = '\n[dead_letter]\nurl = "dead.jsonl"\n'
GOOD = "".join(json.dumps({"id": n, "x": n}) + "\n" for n in range(2_500))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    open_store(f"sqlite:///{tmp_path}/models.db").put(linear_package(tmp_path, 2.0))
    (tmp_path / "p.toml").write_text(FILE + DEAD)
    (tmp_path / "in.jsonl").write_text(GOOD)
    return tmp_path


def run(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "instream.cli", "run", "p.toml", *arguments]
    return subprocess.run(program, cwd=folder, input=stdin, capture_output=True, text=True, check=False, timeout=120)


def test_a_file_becomes_a_file(folder: Path) -> None:
    done = run(folder)
    assert done.returncode == 0, done.stderr
    assert "doubles: 2,500 in, 2,500 out, 0 dead letters, 0 filtered" in done.stderr
    outputs = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert outputs == [{"id": n, "y": 2.0 * n, "version": 1} for n in range(2_500)]


def test_a_shell_pipe(folder: Path) -> None:
    done = run(folder, "--set", "source.url=-", "--set", "sink.url=-", stdin=GOOD)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2_500
    assert json.loads(done.stdout.splitlines()[-1]) == {"id": 2_499, "y": 4_998.0, "version": 1}


def test_a_trial_shows_outputs_and_dead_letters_and_writes_nothing(folder: Path) -> None:
    (folder / "in.jsonl").write_text("nonsense\n" + GOOD)
    done = run(folder, "--limit", "10", "--set", "sink.url=-")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 9
    assert '"code":"not_json"' in done.stderr
    assert sorted(path.name for path in folder.glob("*.jsonl*")) == ["in.jsonl"]


def test_too_many_dead_letters_are_status_3(folder: Path) -> None:
    (folder / "in.jsonl").write_text(GOOD + "nonsense\n" * 2_500)
    done = run(folder)
    assert done.returncode == 3, done.stderr
    assert "dead_letter.max_fraction = 0.2" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_record_without_a_place_is_status_4(folder: Path) -> None:
    (folder / "p.toml").write_text(FILE)
    (folder / "in.jsonl").write_text(GOOD + "nonsense\n")
    done = run(folder)
    assert done.returncode == 4, done.stderr
    assert re.search(r"in\.jsonl:0:2500: not_json.*dead_letter\.url", done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("model.name=nobody", "nobody"),
        ("source.url=absent.jsonl", "absent.jsonl"),
        ("source.url=kafka://127.0.0.1:1/x?", "not a topic's name"),
        ("limits.rows=0", "limits.rows = 0"),
        ("model.store=sqlite:///${env:NOT_SET_ANYWHERE}", "NOT_SET_ANYWHERE"),
    ],
)
def test_a_mistake_is_a_message_and_status_1(folder: Path, change: str, message: str) -> None:
    done = run(folder, "--set", change)
    assert done.returncode == 1, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_crash_on_standard_input_is_not_tried_again(folder: Path) -> None:
    (folder / "features.py").write_text(
        "import os\ndef make(batch):\n    if batch.num_rows > 100:\n        os._exit(9)\n    return batch\n"
    )
    done = run(folder, "--set", "source.url=-", "--set", 'features.function="features.py:make"', stdin=GOOD)
    assert done.returncode == 5, done.stderr
    assert "cannot be read again" in done.stderr
    assert "delay: version 1 (head 1)" in done.stderr


def test_a_trial_on_a_broker_commits_nothing(broker: Broker, unique: str, tmp_path: Path) -> None:
    made = setting(broker.bootstrap, unique, tmp_path, "exactly_once", partitions=1)
    broker.produce(f"{unique}-in", [b'{"id": %d, "x": 1.0}' % n for n in range(50)])
    (tmp_path / "p.toml").write_text(made.file.read_text())
    done = run(tmp_path, "--limit", "10", "--set", "sink.url=-")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 10
    assert broker.committed(unique, f"{unique}-in") == {}
    assert not broker.visible(f"{unique}-out")


def test_an_idle_pipeline_says_why_serves_metrics_and_ends_well(broker: Broker, unique: str, tmp_path: Path) -> None:
    """Law 11, and one port for all workers."""
    made = setting(broker.bootstrap, unique, tmp_path, "at_least_once", partitions=2)
    made.file.write_text(made.file.read_text().replace('"earliest"', '"latest"'))
    broker.produce(f"{unique}-in", [b'{"id": %d, "x": 1.0}' % n for n in range(50)])
    running = made.run("--workers", "3", "--set", "engine.metrics=127.0.0.1:0")
    try:
        running.wait_until_said("0 new records; 50 before the start: --from earliest")
        assert "3 workers, but" in running.log
        assert "1 will idle" in running.log
        port = re.search(r"metrics at (http://[^/]+)/metrics", running.log)
        assert port is not None
        assert get(port[1] + "/ready").count("running") == 3
        broker.produce(f"{unique}-in", [b'{"id": 1, "x": 1.0}', b"nonsense"])
        until(lambda: not made.uncommitted(), 60, "two more are committed")
        time.sleep(1)
        metrics = get(port[1] + "/metrics")
    finally:
        assert running.terminate() == 0, running.log
    for line in (
        f'instream_records_in_total{{pipeline="{unique}"}} 2.0',
        f'instream_records_out_total{{pipeline="{unique}"}} 1.0',
        f'instream_failures_total{{code="not_json",pipeline="{unique}"}} 1.0',
        f'instream_latency_seconds_count{{pipeline="{unique}"}}',
        'instream_model_version{model="delay"} 1.0',
        f'instream_worker_restarts_total{{pipeline="{unique}"}} 0',
    ):
        assert line in metrics


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
