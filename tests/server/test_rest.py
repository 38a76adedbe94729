"""What a REST client sees."""

from __future__ import annotations

import gzip
import socket
import time

import msgspec
import pyarrow as pa
import pytest

from instream.predictor import STAMPS
from instream.server.limits import Limits
from instream.server.models import Open
from instream.stores import Store
from instream.testing.predictors.fixtures import until
from instream.testing.server import Running, running, server_for
from instream.wire import native
from tests.server.asking import INFER, QUESTION, asked, values


def test_a_model_answers_in_both_forms(server: Running) -> None:
    status, headers, said = asked(server, INFER, QUESTION)
    assert (status, values(said), said["model_version"], headers["instream-version"]) == (200, [2.0, 4.0], "1", "1")
    assert asked(server, "/v1/models/delay:predict", {"instances": [1, 2]})[2] == {"predictions": [2.0, 4.0]}


@pytest.mark.parametrize(
    "path",
    ["/v2/models/delay/versions/2/infer", "/v2/models/delay/versions/candidate/infer", "/v2/models/delay@2/infer"],
)
def test_a_version_is_addressed_by_number_and_by_label(server: Running, path: str) -> None:
    status, headers, said = asked(server, path, QUESTION)
    assert (status, values(said), headers["instream-version"]) == (200, [3.0, 6.0], "2")


def test_tensorflow_addresses_versions_in_its_own_way(server: Running) -> None:
    for path in ("/v1/models/delay/versions/2:predict", "/v1/models/delay/labels/candidate:predict"):
        assert asked(server, path, {"instances": [1]})[2] == {"predictions": [3.0]}
    assert asked(server, "/v1/models/delay/versions/2")[2]["model_version_status"][0]["version"] == "2"
    assert asked(server, "/v1/models/delay/metadata")[2]["model_spec"]["name"] == "delay"


def test_what_the_server_says_of_itself(server: Running) -> None:
    assert asked(server, "/v2/health/live")[0] == 200
    assert asked(server, "/v2/health/ready")[0] == 200
    assert asked(server, "/v2")[2]["name"] == "instream"
    assert asked(server, "/v2/models/delay/ready")[0] == 200
    model = asked(server, "/v2/models/delay")[2]
    assert (model["versions"], model["inputs"]) == (["1"], [{"name": "x", "datatype": "FP64", "shape": [-1]}])
    assert asked(server, "/instream/models/delay")[2]["head"] == 2
    assert b"instream_server_waiting_rows" in asked(server, "/metrics")[2]


@pytest.mark.parametrize(
    ("path", "content", "headers", "status", "said"),
    [
        (INFER, b"{", {}, 400, "truncated"),
        (INFER, {"inputs": []}, {}, 400, "the model reads x"),
        ("/v2/models/nobody/infer", QUESTION, {}, 404, "no model 'nobody' is served here; there is delay"),
        ("/v2/models/delay/versions/9/infer", QUESTION, {}, 404, "delay@9"),
        ("/v2/models/delay/versions/none/infer", QUESTION, {}, 404, "no label"),
        ("/v2/models/%20/infer", QUESTION, {}, 400, "expected a name"),
        ("/nowhere", None, {}, 404, "no such path"),
        (INFER, None, {}, 405, "another method"),
        (INFER, b"x" * 100, {"content-encoding": "gzip"}, 400, "no gzip"),
        (INFER, b"x" * 100, {"content-encoding": "br"}, 400, "gzip is known"),
        (INFER, QUESTION, {"instream-timeout-ms": "soon"}, 400, "a whole number"),
        (INFER, QUESTION, {"inference-header-content-length": "99999"}, 400, "99999"),
        (INFER, b"no stream", {"content-type": native.MEDIA_TYPE}, 400, "Arrow IPC"),
        (INFER, QUESTION, {"instream-pin": "77"}, 409, "head 77 is not loaded"),
    ],
)
def test_errors_say_what_to_do(server: Running, path: str, content: object, headers: dict[str, str], status: int, said: str) -> None:
    code, found, answer = asked(server, path, content, headers)
    assert (code, said in answer["error"]) == (status, True), answer
    assert found["content-type"] == "application/json"


def test_an_arrow_body_is_answered_by_one(server: Running) -> None:
    body = native.write_rows(pa.record_batch({"x": [1.0, None, 3.0]}))
    status, _, answer = asked(server, INFER, body, {"content-type": native.MEDIA_TYPE})
    prediction = native.read_answer(answer, 3, pa.schema([("y", pa.float64())]))
    assert status == 200
    assert prediction.outputs.column("y").to_pylist() == [2.0, None, 6.0]
    assert (prediction.failures.rows.tolist(), prediction.stamps.schema) == ([1], STAMPS)


def test_a_compressed_body_is_unpacked_within_its_limit(server: Running, opened: Open) -> None:
    packed = gzip.compress(msgspec.json.encode(QUESTION))
    assert values(asked(server, INFER, packed, {"content-encoding": "gzip"})[2]) == [2.0, 4.0]
    bomb = gzip.compress(b" " * (64 << 20))
    code, headers, said = asked(server, INFER, bomb, {"content-encoding": "gzip"})
    assert (code, headers["connection"]) == (413, "close")
    assert "when unpacked" in said["error"]


def test_large_bodies_are_refused_before_they_are_read(server: Running) -> None:
    with socket.create_connection(str(server.settings.http).split(":")) as client:  # type: ignore[arg-type]
        client.sendall(f"POST {INFER} HTTP/1.1\r\nhost: a\r\ncontent-length: 999999999\r\n\r\n".encode())
        assert client.recv(1_000).startswith(b"HTTP/1.1 413")


def test_a_body_in_chunks_has_the_same_limit(opened: Open) -> None:
    with running(server_for("delay", limits=Limits(body_bytes=10_000)), opened) as small:
        with socket.create_connection(str(small.settings.http).split(":")) as client:  # type: ignore[arg-type]
            client.sendall(f"POST {INFER} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".encode())
            for _ in range(3):
                client.sendall(b"fa0\r\n" + b" " * 4_000 + b"\r\n")
            assert client.recv(1_000).startswith(b"HTTP/1.1 413")
        code, _, said = asked(small, INFER, {"inputs": [{"name": "x", "datatype": "FP64", "shape": [9_000], "data": [1] * 9_000}]})
        assert (code, "at most 10,000 are taken" in said["error"]) == (413, True)


def test_a_body_that_does_not_come_is_given_up(opened: Open) -> None:
    with running(server_for("delay", limits=Limits(body_s=0.2, requests=1)), opened) as short:
        with socket.create_connection(str(short.settings.http).split(":")) as client:  # type: ignore[arg-type]
            client.sendall(f"POST {INFER} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n".encode())
            time.sleep(0.1)
            code, headers, said = asked(short, INFER, QUESTION)
            assert (code, headers["instream-error"]) == (429, "Overloaded")
            assert int(headers["retry-after"]) >= 1
            assert "the most that are taken on" in said["error"]
            assert client.recv(1_000).startswith(b"HTTP/1.1 400")
        until(lambda: asked(short, INFER, QUESTION)[0] == 200, "room for another request")


def test_a_promotion_reaches_callers_and_metadata(server: Running, store: Store) -> None:
    first = store.head("delay")
    store.append_head(first.next(champion=first.labels["candidate"], by="test", at_ms=0))
    until(lambda: values(asked(server, INFER, QUESTION)[2]) == [3.0, 6.0], "the second version")
    store.append_head(msgspec.structs.replace(store.head("delay").next(champion=first.champion, by="test", at_ms=0), labels=first.labels))
    until(lambda: values(asked(server, INFER, QUESTION)[2]) == [2.0, 4.0], "the first version again")


def test_connections_have_a_greatest_age(opened: Open) -> None:
    with running(server_for("delay", age_s=0.3), opened) as young:
        assert "connection" not in asked(young, INFER, QUESTION)[1]
        with socket.create_connection(str(young.settings.http).split(":")) as client:  # type: ignore[arg-type]
            request = b"GET /v2/health/live HTTP/1.1\r\nhost: a\r\n\r\n"
            client.sendall(request)
            assert b"connection: close" not in client.recv(1_000)
            time.sleep(0.4)
            client.sendall(request)
            assert b"connection: close" in client.recv(1_000)
            assert client.recv(1_000) == b""


def test_the_trace_is_passed_through(server: Running) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert asked(server, INFER, QUESTION, {"traceparent": trace})[1]["traceparent"] == trace
