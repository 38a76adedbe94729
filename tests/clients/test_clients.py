"""Clients that other people wrote ask our server as they ask any other."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from instream.deploy.serving import opening
from instream.publishing import publish
from instream.stores import open_store
from instream.testing.environments import environment
from instream.testing.server import Running, running, server_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]

_HERE = Path(__file__).parent
ANSWER = [[2.0, 4.0], ["JFK", "ü"]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """y = 2 x, and the name comes back."""
    folder = tmp_path_factory.mktemp("echo")
    number, text = TensorProto.DOUBLE, TensorProto.STRING
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "two"], ["y"]), helper.make_node("Identity", ["name"], ["label"])],
        "echo",
        [helper.make_tensor_value_info("x", number, [None, 1]), helper.make_tensor_value_info("name", text, [None, 1])],
        [helper.make_tensor_value_info("y", number, [None, 1]), helper.make_tensor_value_info("label", text, [None, 1])],
        [numpy_helper.from_array(np.array([2.0]), "two")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "echo.onnx")
    store = open_store(f"sqlite:///{folder}/models.db")
    publish(folder / "echo.onnx", name="echo", sample=[{"x": 0.5, "name": "EWR"}, {"x": -1.0, "name": "LGA"}], store=store)
    settings = server_for("echo")
    with running(settings, opening(settings, store, 0)) as found:
        yield found


@pytest.fixture(scope="module")
def python() -> Path:
    return environment("clients", _HERE / "clients.lock")


def spoken(python: Path, script: str, server: Running) -> dict[str, Any]:
    done = subprocess.run(
        [python, _HERE / script, str(server.settings.http), str(server.settings.grpc)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    said: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return said


def test_tritonclient(server: Running, python: Path) -> None:
    said = spoken(python, "speak_triton.py", server)
    assert said.pop("http up") == said.pop("grpc up") == [True] * 4
    assert said.pop("http metadata") == said.pop("grpc metadata") == "FP64"
    assert said.pop("http server") == said.pop("grpc server") == "instream"
    assert said.pop("http error") == "404: no model 'nobody' is served here; there is echo"
    assert said.pop("grpc error") == "StatusCode.NOT_FOUND: no model 'nobody' is served here; there is echo"
    assert set(said) == {
        *(f"http {ours} {theirs}" for ours in (True, False) for theirs in (True, False)),
        *("http gzip", "http aio", "grpc", "grpc gzip", "grpc aio"),
    }
    assert {name: answer for name, answer in said.items() if answer != ANSWER} == {}


def test_kserve(server: Running, python: Path) -> None:
    said = spoken(python, "speak_kserve.py", server)
    assert said.pop("http up") == said.pop("grpc up") == [True] * 3
    assert set(said) == {"http", "http binary", "grpc"}
    assert {name: answer for name, answer in said.items() if answer != ANSWER} == {}
