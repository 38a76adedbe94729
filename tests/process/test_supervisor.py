"""The supervisor with children that do what they are told; no pipeline."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest

from instream.process.child import Entry
from instream.process.crashes import CRASHES_MAX
from instream.process.exits import MEANINGS, Exit
from instream.process.metrics_http import MetricsPort
from instream.process.status import State, Status
from instream.process.supervisor import Finished, Supervisor

HERE = Path(__file__).parent


def supervisor(folder: Path, act: str, slots: int = 1, grace_s: float = 5.0, crashes_max: int = CRASHES_MAX) -> Supervisor:
    work = json.dumps({"act": act, "marker": str(folder / "marker")}).encode()
    entry = Entry("entry", work, environ={"PYTHONPATH": str(HERE)})
    return Supervisor(entry, range(slots), folder=folder, grace_s=grace_s, crashes_max=crashes_max)


def test_all_end_well(tmp_path: Path) -> None:
    watched = supervisor(tmp_path, "end", slots=2)
    assert watched.run() == Finished(Exit.DONE)
    assert watched.status.totals.records_in == 1 + 2
    assert [worker.state for worker in watched.status.workers] == [State.ENDED] * 2


def test_one_error_of_the_users_ends_the_pipeline(tmp_path: Path) -> None:
    assert supervisor(tmp_path, "fail", slots=2).run() == Finished(Exit.REFUSED, "delays.toml: no such model")


def test_a_killed_worker_is_started_again(tmp_path: Path) -> None:
    watched = supervisor(tmp_path, "killed once")
    assert watched.run().exit is Exit.DONE
    assert [worker.restarts for worker in watched.status.workers] == [1]


@pytest.mark.slow
@pytest.mark.parametrize(("act", "how"), [("raise", "exit status 1, see the log above"), ("killed", "killed by SIGKILL")])
def test_a_crash_loop_names_version_partition_and_offsets(tmp_path: Path, act: str, how: str) -> None:
    finished = supervisor(tmp_path, act).run()
    assert finished.exit is Exit.CRASH_LOOP
    for told in (how, "crashed 5 times", "delay: version 2 (head 3)", "in/0 offsets 40 to 59", "instream rollback delay", "sink.url=-"):
        assert told in finished.message


def test_what_cannot_be_read_again_is_not_tried_again(tmp_path: Path) -> None:
    finished = supervisor(tmp_path, "killed", crashes_max=1).run()
    assert finished.exit is Exit.CRASH_LOOP
    assert "worker 0 crashed and what it had read cannot be read again; it is not started again" in finished.message


def test_a_drain_lets_workers_finish(tmp_path: Path) -> None:
    watched = supervisor(tmp_path, "wait", slots=2)

    def drain_when_ready(status: Status) -> None:
        if status.ready:
            watched.drain()

    assert watched.run(drain_when_ready).exit is Exit.DONE


def test_what_does_not_end_in_time_is_killed_and_said(tmp_path: Path) -> None:
    watched = supervisor(tmp_path, "hang", grace_s=0.1)

    def drain_when_ready(status: Status) -> None:
        if status.ready:
            watched.drain()

    finished = watched.run(drain_when_ready)
    assert finished.exit is Exit.UNFINISHED
    assert "worker 0 did not finish: still busy after engine.grace_s" in finished.message


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    program = [sys.executable, str(HERE / "supervised.py"), str(tmp_path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        pids = [int(started.stdout.readline().split()[1]) for _ in range(2)]
        started.kill()
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)


def test_one_port_tells_how_all_workers_are(tmp_path: Path) -> None:
    watched = supervisor(tmp_path, "wait")
    port = MetricsPort("127.0.0.1:0", tmp_path, "delays", lambda: watched.status)
    assert get(port.url + "/ready") == (503, "")
    answers: list[tuple[int, str]] = []

    def ask() -> None:
        answers.append(get(port.url + "/ready"))
        watched.drain()

    def ask_when_ready(status: Status) -> None:
        if status.ready and not asking.is_alive() and not answers:
            asking.start()

    asking = threading.Thread(target=ask)
    watched.run(ask_when_ready)
    assert answers == [(200, "worker 0: running\n")]
    assert get(port.url + "/health") == (200, "ok\n")
    assert 'instream_worker_restarts_total{pipeline="delays"} 0' in get(port.url + "/metrics")[1]
    assert get(port.url + "/else")[0] == 404
    port.close()


def test_each_exit_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Exit)


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode().strip()


def alive(pid: int) -> bool:
    """Running, and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
