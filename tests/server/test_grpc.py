"""What a gRPC client sees."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import msgspec
import pyarrow as pa
import pytest

from instream.server.limits import Limits
from instream.server.models import Open
from instream.testing.server import Running, running, server_for
from instream.wire import native
from instream.wire.about import About
from instream.wire.messages import message
from instream.wire.native_calls import ABOUT, MODEL_HEADER, SCORE
from instream.wire.v2_grpc import SERVICE, InferRequest, InferResponse


@pytest.fixture(scope="module")
def channel(server: Running) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(str(server.settings.grpc)) as opened:
        yield opened


def called(channel: grpc.Channel, name: str, body: bytes, **options: Any) -> bytes:
    answer: bytes = channel.unary_unary(name)(body, timeout=30, **options)
    return answer


def refused(channel: grpc.Channel, name: str, body: bytes, **options: Any) -> tuple[str, str, dict[str, Any]]:
    with pytest.raises(grpc.RpcError) as raised:
        called(channel, name, body, **options)
    error: Any = raised.value
    return error.code().name, error.details(), dict(error.trailing_metadata())


def question(model: str = "delay", version: str = "", rows: int = 2) -> bytes:
    request = InferRequest(model_name=model, model_version=version)
    tensor = request.inputs.add(name="x", datatype="FP64", shape=[rows])
    tensor.contents.fp64_contents.extend(float(row + 1) for row in range(rows))
    return bytes(request.SerializeToString())


def test_a_model_answers(channel: grpc.Channel) -> None:
    response = InferResponse.FromString(called(channel, f"/{SERVICE}/ModelInfer", question()))
    assert (list(response.outputs[0].contents.fp64_contents), response.model_version) == ([2.0, 4.0], "1")
    for version in ("2", "candidate"):
        response = InferResponse.FromString(called(channel, f"/{SERVICE}/ModelInfer", question(version=version)))
        assert (list(response.outputs[0].contents.fp64_contents), response.model_version) == ([3.0, 6.0], "2")


def test_what_the_server_says_of_itself(channel: grpc.Channel) -> None:
    def ask(call: str, /, **fields: str) -> Any:
        body = message(f"inference.{call}Request")(**fields).SerializeToString()
        return message(f"inference.{call}Response").FromString(called(channel, f"/{SERVICE}/{call}", body))

    assert ask("ServerLive").live
    assert ask("ServerReady").ready
    assert ask("ModelReady", name="delay").ready
    assert ask("ServerMetadata").name == "instream"
    metadata = ask("ModelMetadata", name="delay", version="2")
    assert ([tensor.name for tensor in metadata.inputs], list(metadata.versions)) == (["x"], ["2"])


def test_probes_are_answered(channel: grpc.Channel) -> None:
    asks, answers = message("grpc.health.v1.HealthCheckRequest"), message("grpc.health.v1.HealthCheckResponse")
    for service in ("", "delay"):
        answer = called(channel, "/grpc.health.v1.Health/Check", asks(service=service).SerializeToString())
        assert answers.FromString(answer).status == 1
    assert refused(channel, "/grpc.health.v1.Health/Check", asks(service="nobody").SerializeToString())[0] == "NOT_FOUND"


def test_an_arrow_question_is_answered_by_one(channel: grpc.Channel) -> None:
    body = native.write_rows(pa.record_batch({"x": [1.0, None]}))
    answer = called(channel, SCORE, body, metadata=[(MODEL_HEADER, "delay@2")])
    prediction = native.read_answer(answer, 2, pa.schema([("y", pa.float64())]))
    assert (prediction.outputs.column("y").to_pylist(), prediction.stamps.column("version").to_pylist()) == ([3.0, None], [2, 2])
    about = msgspec.json.decode(called(channel, ABOUT, b"delay"), type=About)
    assert (about.name, about.versions, about.ready) == ("delay", (1,), True)


@pytest.mark.parametrize(
    ("name", "body", "code", "said"),
    [
        (f"/{SERVICE}/ModelInfer", b"\xff\xff", "INVALID_ARGUMENT", "no inference.ModelInferRequest"),
        (f"/{SERVICE}/ModelInfer", question("nobody"), "NOT_FOUND", "there is delay"),
        (f"/{SERVICE}/ModelInfer", question(version="9"), "NOT_FOUND", "delay@9"),
        (f"/{SERVICE}/ModelInfer", InferRequest(model_name="delay").SerializeToString(), "INVALID_ARGUMENT", "the model reads x"),
        (SCORE, b"no stream", "INVALID_ARGUMENT", "expected a name"),
        (ABOUT, b"\xff", "INVALID_ARGUMENT", "UTF-8"),
        ("/inference.GRPCInferenceService/Nothing", b"", "UNIMPLEMENTED", ""),
    ],
)
def test_errors_say_what_to_do(channel: grpc.Channel, name: str, body: bytes, code: str, said: str) -> None:
    found, words, _ = refused(channel, name, body)
    assert (found, said in words) == (code, True), words


def test_what_is_full_says_when_to_come_again(opened: Open) -> None:
    with running(server_for("delay", limits=Limits(requests=0)), opened) as full, grpc.insecure_channel(str(full.settings.grpc)) as channel:
        code, _, trailing = refused(channel, f"/{SERVICE}/ModelInfer", question())
        assert (code, trailing["instream-error"]) == ("RESOURCE_EXHAUSTED", "Overloaded")
        assert int(trailing["grpc-retry-pushback-ms"]) > 0


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_large_message_is_refused_packed_or_not(opened: Open, compression: grpc.Compression) -> None:
    with (
        running(server_for("delay", limits=Limits(body_bytes=10_000)), opened) as small,
        grpc.insecure_channel(str(small.settings.grpc)) as channel,
    ):
        called(channel, f"/{SERVICE}/ModelInfer", question(rows=1_000), compression=compression)
        code, words, _ = refused(channel, f"/{SERVICE}/ModelInfer", question(rows=2_000), compression=compression)
        assert code in ("RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"), words


def test_a_message_that_does_not_come_is_given_up(opened: Open) -> None:
    """Law 7: who opens a call and says nothing holds a place for so long and no longer."""
    limits = Limits(body_s=0.3, nbytes=1 << 20, body_bytes=1 << 20)  # one message is read at a time
    with running(server_for("delay", limits=limits), opened) as short, grpc.insecure_channel(str(short.settings.grpc)) as channel:
        silent, never = threading.Event(), channel.stream_unary(f"/{SERVICE}/ModelInfer")

        def nothing() -> Iterator[bytes]:
            silent.wait(30)
            yield from ()

        waiting = never.future(nothing(), timeout=30)
        with pytest.raises(grpc.RpcError) as raised:
            waiting.result()
        silent.set()
        error: Any = raised.value
        assert (error.code().name, "the rows did not come within 0.3 s" in error.details()) == ("INVALID_ARGUMENT", True)
        assert called(channel, f"/{SERVICE}/ModelInfer", question())


def test_a_connection_has_a_greatest_age_and_no_call_fails(opened: Open) -> None:
    """A client that asks again and again comes to other processes in time: it is told to connect anew."""
    with running(server_for("delay", age_s=0.5), opened) as young, grpc.insecure_channel(str(young.settings.grpc)) as channel:
        seen: list[grpc.ChannelConnectivity] = []
        channel.subscribe(seen.append)
        end_s = time.monotonic() + 30
        while seen.count(grpc.ChannelConnectivity.READY) < 3:
            assert time.monotonic() < end_s, seen
            assert called(channel, f"/{SERVICE}/ModelInfer", question(), wait_for_ready=True)
            time.sleep(0.01)


def test_messages_that_stand_still_give_their_places_up(opened: Open) -> None:
    """Law 7: one client that hangs in the middle of its calls does not keep the others waiting."""
    limits = Limits(body_s=30, nbytes=2 << 20, body_bytes=1 << 20)  # one message is read at a time
    with running(server_for("delay", limits=limits), opened) as busy, grpc.insecure_channel(str(busy.settings.grpc)) as channel:
        silent = threading.Event()

        def nothing() -> Iterator[bytes]:
            silent.wait(30)
            yield from ()

        hanging = [channel.stream_unary(f"/{SERVICE}/ModelInfer").future(nothing(), timeout=30) for _ in range(2)]
        began_s = time.monotonic()
        assert called(channel, f"/{SERVICE}/ModelInfer", question())
        assert time.monotonic() - began_s < 25
        silent.set()
        for each in hanging:
            each.cancel()
