"""`instream serve`, as an operator has it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from pathlib import Path

import msgspec
import pytest

from instream.stores import open_store
from instream.testing.faults.running import Running
from instream.testing.faults.served import served
from instream.testing.models import linear, linear_package
from instream.testing.predictors.fixtures import until

pytestmark = pytest.mark.slow


def ended(folder: Path, *arguments: str) -> tuple[int, str]:
    running = Running(folder / "log", "serve", *arguments)
    return running.wait(60), running.log


def answer(address: str, path: str, values: list[float]) -> list[float]:
    connection = http.client.HTTPConnection(address, timeout=30)
    body = {"inputs": [{"name": "X", "datatype": "FP64", "shape": [len(values), 1], "data": values}]}
    connection.request("POST", path, msgspec.json.encode(body))
    response = connection.getresponse()
    content = response.read()
    assert response.status == 200, content
    connection.close()
    found: list[float] = msgspec.json.decode(content)["outputs"][0]["data"]
    return found


def test_what_cannot_be_served_is_said(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/models.db"
    for arguments, said in (
        ((), "nothing to serve"),
        (("absent.onnx",), "absent.onnx: no such file"),
        (("model.txt",), "say --sample FILE"),
        (("x.onnx", "--model", "delay"), "leave out --model"),
        (("--model", "delay", "--store", store, "--http", "127.0.0.1:0", "--grpc", ""), "no model"),
        (("--model", "delay", "--workers", "many"), "--workers many"),
        (("--model", "delay", "--tls-cert", "a.pem"), "both --tls-cert and --tls-key"),
        (("--model", "delay", "--http", "nowhere"), "--http nowhere: cannot listen there"),
    ):
        status, log = ended(tmp_path, *arguments)
        assert status == 1, log
        assert said in log, log
        (tmp_path / "log").unlink()


def test_a_port_that_somebody_else_has_is_said(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        for option, rest in (("--http", ("--grpc", "")), ("--grpc", ("--http", "127.0.0.1:0"))):
            status, log = ended(tmp_path, "--model", "delay", option, address, *rest)
            assert (status, f"{option} {address}: cannot listen there" in log) == (1, True), log


def test_a_file_is_served_by_several_processes_of_which_one_is_killed(tmp_path: Path) -> None:
    (tmp_path / "twice.onnx").write_bytes(linear({"x": 2.0}).model().SerializeToString())
    with served(tmp_path, str(tmp_path / "twice.onnx"), "--workers", "2") as server:
        assert answer(server.http, "/v2/models/twice/infer", [1.0, 2.0]) == [2.0, 4.0]
        before = server.running.workers()
        os.kill(before[0], signal.SIGKILL)
        for _ in range(50):
            assert answer(server.http, "/v2/models/twice/infer", [3.0]) == [6.0]
        until(lambda: len(set(server.running.workers()) - set(before)) == 1, "another process in its place")
        assert server.running.terminate(30) == 0
        assert "answering what was taken on" in server.running.log


def test_a_drain_answers_what_was_taken_on(tmp_path: Path) -> None:
    """SIGTERM in the middle of requests: each is answered, readiness says no meanwhile, and the status is 0."""
    from concurrent.futures import ThreadPoolExecutor

    from instream.testing.models import costly_rows, onnx_package

    store = open_store(f"sqlite:///{tmp_path}/models.db")
    store.put(onnx_package(tmp_path, costly_rows(384)))
    body = msgspec.json.encode({"inputs": [{"name": "x", "datatype": "FP64", "shape": [20], "data": [1.0] * 20}]})

    def ask(address: str) -> int:
        connection = http.client.HTTPConnection(address, timeout=30)
        connection.request("POST", "/v2/models/delay/infer", body)
        response = connection.getresponse()
        response.read()
        return response.status

    with (
        served(tmp_path, "--model", "delay", "--store", f"sqlite:///{tmp_path}/models.db", "--linger", "1") as server,
        ThreadPoolExecutor(4) as pool,
    ):
        asked = [pool.submit(ask, server.http) for _ in range(4)]
        time.sleep(0.1)
        os.kill(server.running.pid, signal.SIGTERM)
        time.sleep(0.5)
        connection = http.client.HTTPConnection(server.http, timeout=5)
        connection.request("GET", "/v2/health/ready")
        response = connection.getresponse()
        assert (response.status, response.headers["connection"]) == (503, "close")
        assert [each.result() for each in asked] == [200] * 4
        assert server.running.wait(30) == 0


def test_several_models_in_one_server(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/models.db")
    for name, weight in (("one", 1.0), ("ten", 10.0)):
        store.put(linear_package(tmp_path, weight, name=name))
    with served(tmp_path, "--model", "one", "--model", "ten", "--store", f"sqlite:///{tmp_path}/models.db") as server:
        assert answer(server.http, "/v2/models/one/infer", [3.0]) == [3.0]
        assert answer(server.http, "/v2/models/ten/infer", [3.0]) == [30.0]
