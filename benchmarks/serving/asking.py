"""Ask a server once."""

from __future__ import annotations

import http.client

import grpc

from benchmarks.servers import Place
from benchmarks.serving.questions import Question
from benchmarks.workload import Floats

_TIMEOUT_S = 10.0


class NotYet(Exception):
    """There is no answer; what there is instead."""


def ask(question: Question, place: Place) -> Floats:
    """The predictions. Raises NotYet."""
    return _rest(question, place.http) if question.transport == "rest" else _rpc(question, place.grpc)


def _rest(question: Question, port: int) -> Floats:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", question.path, question.body, dict(question.headers))
        response = connection.getresponse()
        body, headers = response.read(), {name.lower(): value for name, value in response.getheaders()}
    except (OSError, http.client.HTTPException) as error:
        raise NotYet(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise NotYet(f"status {response.status}: {body[:300]!r}")
    return question.read(body, headers)


def _rpc(question: Question, port: int) -> Floats:
    with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
        try:
            body = channel.unary_unary(question.path)(
                question.body, metadata=tuple(question.headers.items()), timeout=_TIMEOUT_S, wait_for_ready=True
            )
        except grpc.RpcError as error:
            raise NotYet(f"{error.code().name}: {error.details()}") from error
    return question.read(body, {})
