"""The image of the Dockerfile: built for real, on Debian, and run as an orchestrator with narrow rules would run it.

The root file system is read-only, which the kernel holds: only /tmp can be written, and what is mounted. The user is the
image's, without any capability and without a way to get one; the entrypoint is process 1 of a process namespace, so that
it is the one to hear SIGTERM and nobody else reaps its children. The network is this machine's, so ports are given.

No container runtime takes part: buildah has none that can mount a root file system read-only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from instream.stores import open_store
from instream.stores.cache import Cache
from instream.testing.image import Container, Image, built
from instream.testing.models import linear, linear_package
from instream.wire.v2_grpc import SERVICE, InferRequest, InferResponse

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHECKOUT = Path(__file__).parents[2]
QUESTION = {"inputs": [{"name": "X", "datatype": "FP64", "shape": [2, 1], "data": [1.0, 2.0]}]}
READY_S_MAX = 60
MEGABYTE = 1_000_000


class Running:
    """A server in a container, on ports of its own."""

    def __init__(self, container: Container, http: int, grpc: int) -> None:
        self.container = container
        self.http = http
        self.grpc = grpc

    def asked(self, path: str, content: Any = None) -> tuple[int, Any]:
        """Status, and what the JSON says; GET without content, else POST."""
        body = None if content is None else json.dumps(content).encode()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", body, timeout=10) as response:
                return response.status, _said(response.read())
        except urllib.error.HTTPError as error:
            return error.code, _said(error.read())

    def wait(self) -> None:
        """Returns once it is ready."""
        end_s = time.monotonic() + READY_S_MAX
        while time.monotonic() < end_s and self.container.running:
            try:
                if self.asked("/v2/health/ready")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"the server was not ready within {READY_S_MAX} s: {self.container.log}")


def _said(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def ports() -> tuple[int, int]:
    """Two that are free."""
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def listening(http: int, grpc: int) -> list[str]:
    return ["--http", f"127.0.0.1:{http}", "--grpc", f"127.0.0.1:{grpc}"]


def healthy(image: Image, container: Container, http: int) -> bool:
    """What the image's own health check says."""
    kind, *command = image.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    return container.ran(*command, INSTREAM_READY=f"http://127.0.0.1:{http}/v2/health/ready").status == 0


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with built(CHECKOUT) as made:
        yield made


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with model.onnx, y = 2 x, for anybody to read."""
    folder = tmp_path_factory.mktemp("models")
    folder.chmod(0o755)
    (folder / "model.onnx").write_bytes(linear({"x": 2.0}).model().SerializeToString())
    return folder


@pytest.fixture(scope="module")
def server(image: Image, models: Path) -> Iterator[Running]:
    """The image's own command, with other ports."""
    http, grpc = ports()
    with image.started(*image.config["Cmd"], *listening(http, grpc), mounts={"/models": models}) as container:
        running = Running(container, http, grpc)
        running.wait()
        yield running


def test_what_an_orchestrator_is_told(image: Image) -> None:
    assert image.config["Entrypoint"] == ["instream"]
    assert image.config["Cmd"] == ["serve", "/models/model.onnx"]
    assert set(image.config["ExposedPorts"]) == {"8080/tcp", "8081/tcp"}
    assert image.config["StopSignal"] == "SIGTERM"
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", image.config["User"]), "Kubernetes takes only a number for somebody who is not root"


def test_a_model_answers_over_rest(server: Running) -> None:
    assert server.asked("/v2/health/live")[0] == 200
    status, said = server.asked("/v2/models/model/infer", QUESTION)
    assert (status, said["outputs"][0]["data"]) == (200, [2.0, 4.0])


def test_a_model_answers_over_grpc(server: Running) -> None:
    request = InferRequest(model_name="model")
    tensor = request.inputs.add(name="X", datatype="FP64", shape=[2, 1])
    tensor.contents.fp64_contents.extend([1.0, 2.0])
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
        answer = channel.unary_unary(f"/{SERVICE}/ModelInfer")(request.SerializeToString(), timeout=10)
    assert list(InferResponse.FromString(answer).outputs[0].contents.fp64_contents) == [2.0, 4.0]


def test_metrics_are_told(server: Running) -> None:
    assert b"instream_model_version" in server.asked("/metrics")[1]


def test_it_is_not_root_and_writes_only_to_tmp(image: Image, server: Running) -> None:
    user = int(image.config["User"].split(":")[0])
    assert server.container.uids() == {user}
    capabilities = server.container.ran("sh", "-c", "grep ^Cap /proc/1/status | cut -f 2 | sort -u").out.split()
    assert capabilities == ["0" * 16]
    for place, taken in {"/": False, "/opt/instream": False, "/var/lib/instream": False, "/models": False, "/tmp": True}.items():
        assert (server.container.ran("touch", f"{place}/mine").status == 0) == taken, place


def test_the_health_check_tells_ready_from_not(image: Image, server: Running) -> None:
    assert healthy(image, server.container, server.http)
    assert not healthy(image, server.container, ports()[0])


def test_sigterm_ends_it_with_status_0(image: Image, models: Path) -> None:
    http, grpc = ports()
    with image.started("serve", "/models/model.onnx", *listening(http, grpc), mounts={"/models": models}) as container:
        Running(container, http, grpc).wait()
        assert container.stop() == 0, container.log


def test_a_store_on_a_volume_is_followed(image: Image, tmp_path: Path) -> None:
    """Who publishes is somebody else: here this process, there a pipeline of yours."""
    user, group = map(int, image.config["User"].split(":"))
    volume = tmp_path / "volume"
    volume.mkdir()
    with contextlib.closing(open_store(f"sqlite:///{volume}/instream.db", cache=Cache(tmp_path / "cache"))) as store:
        store.put(linear_package(tmp_path, 2.0))
    for path in (volume, *volume.iterdir()):
        os.chown(path, user, group)
    http, grpc = ports()
    with image.started("serve", "--model", "delay", *listening(http, grpc), mounts={"/var/lib/instream": volume}) as container:
        running = Running(container, http, grpc)
        running.wait()
        question = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [2], "data": [1.0, 2.0]}]}
        assert running.asked("/v2/models/delay/infer", question)[1]["outputs"][0]["data"] == [2.0, 4.0]


def test_its_libraries_are_those_of_the_lock(server: Running) -> None:
    script = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()), sep='\\n')"
    installed = {line.lower().replace("_", "-") for line in server.container.ran("python", "-c", script).out.split()}
    locked = set(re.findall(r"^\S+==[^\s;]+", (CHECKOUT / "requirements.lock").read_text(), re.MULTILINE))
    assert {each for each in installed if not each.startswith("instream==")} < locked
    assert "onnxruntime" in {each.partition("==")[0] for each in installed}


def test_nothing_of_the_build_is_left(image: Image) -> None:
    for path in ("build", "root/.cache", "run/secrets", "opt/instream/bin/pip", "opt/instream/bin/uv"):
        assert not (image.root / path).exists(), path
    assert not list((image.root / "opt/instream").rglob("*/site-packages/pip"))
    assert image.nbytes("opt/instream") < 400 * MEGABYTE


def test_all_bytecode_is_there(image: Image) -> None:
    """A read-only root file system keeps none, and each start would compile all of it again."""
    package = next((image.root / "opt/instream/lib").glob("python3*/site-packages/instream"))
    sources = {path.stem for path in package.rglob("*.py")}
    assert sources == {path.name.split(".")[0] for path in package.rglob("__pycache__/*.pyc")}


def test_the_build_takes_the_uv_of_the_makefile() -> None:
    asked = re.search(r"^UV_VERSION := (\S+)", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    built_by = re.search(r"^ARG UV_VERSION=(\S+)", (CHECKOUT / "Dockerfile").read_text(), re.MULTILINE)
    assert asked
    assert built_by
    assert asked[1] == built_by[1]
