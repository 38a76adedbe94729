"""gRPC: Open Inference v2, instream's own Arrow calls, and health checks, on grpc.aio.

Calls that carry rows are registered as client-streaming: on the wire a stream of one message is what a unary call is, and
so this process decides whether it takes a request on before it reads the message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from instream.errors import InvalidRows, NotFound, Unavailable
from instream.flow.deadline import Deadline, deadline_in
from instream.server.about import about
from instream.server.body import Bodies
from instream.server.counting import Counting
from instream.server.gate import Held
from instream.server.routes import reference
from instream.server.service import BINARY_INLINE, Asked, Read, Service
from instream.server.words import words_of
from instream.wire import status, v2_about, v2_grpc
from instream.wire.messages import message
from instream.wire.native_calls import ABOUT, MODEL_HEADER, SCORE
from instream.wire.native_question import read_question

_Health = message("grpc.health.v1.HealthCheckResponse")
_HealthRequest = message("grpc.health.v1.HealthCheckRequest")
_V2 = f"/{v2_grpc.SERVICE}/"

Headers = Mapping[str, str]
Unary = Callable[[bytes, Any], Awaitable[bytes]]


class Rpc(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Every call, by its full name; bytes in, bytes out."""

    def __init__(self, service: Service, bodies: Bodies, counting: Counting) -> None:
        self._service = service
        self._bodies = bodies
        self._counting = counting
        unary: dict[str, Unary] = {
            f"{_V2}ServerLive": self._server_live,
            f"{_V2}ServerReady": self._server_ready,
            f"{_V2}ModelReady": self._model_ready,
            f"{_V2}ServerMetadata": self._server_metadata,
            f"{_V2}ModelMetadata": self._model_metadata,
            "/grpc.health.v1.Health/Check": self._health,
            ABOUT: self._about,
        }
        self._handlers = {name: grpc.unary_unary_rpc_method_handler(self._guarded(call)) for name, call in unary.items()}
        self._handlers[f"{_V2}ModelInfer"] = grpc.stream_unary_rpc_method_handler(self._infer)
        self._handlers[SCORE] = grpc.stream_unary_rpc_method_handler(self._score)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._handlers.get(handler_call_details.method)

    async def _infer(self, _: Any, context: Any) -> bytes:
        def read(held: Held) -> tuple[str, Read]:
            held.content = request = _parsed(v2_grpc.InferRequest, held.content)
            return reference(request.model_name, request.model_version), v2_grpc.read

        return await self._scored("grpc", context, read)

    async def _score(self, _: Any, context: Any) -> bytes:
        return await self._scored("grpc-arrow", context, lambda _: ("", read_question))

    async def _scored(self, protocol: str, context: Any, read: Callable[[Held], tuple[str, Read]]) -> bytes:
        """`read` gives the model that the message names, if it names one, and how the rows are read."""
        try:
            held = self._service.gate.enter(0)
            context.add_done_callback(lambda _: held.leave())  # when the answer is on its way, or the client has gone
            headers = dict(context.invocation_metadata())
            asked = Asked(headers.get(MODEL_HEADER, ""), self._deadline(context), _pin(headers))
            self._service.check(asked)
            await self._bodies.message(partial(_message, context), held)
            size = held.nbytes
            model, reading = read(held)
            asked = Asked(model or asked.model, asked.deadline, asked.pin)
            answered, reply = await self._service.ask(asked, reading, size, held, inline=BINARY_INLINE)
            context.set_trailing_metadata(((status.VERSION_HEADER, str(answered.version)), (status.HEAD_HEADER, str(answered.head))))
            self._counting.answered(protocol, "OK")
            return reply.body
        except Exception as error:
            self._counting.answered(protocol, status.status_of(error).grpc)
            failed = error
        return await _abort(context, failed)

    def _deadline(self, context: Any) -> Deadline:
        left_s, most_s = context.time_remaining(), self._service.limits.timeout_s
        return deadline_in(most_s if left_s is None else min(left_s, most_s))

    def _guarded(self, call: Unary) -> Unary:
        async def guarded(body: bytes, context: Any) -> bytes:
            try:
                return await call(body, context)
            except Exception as error:
                failed = error
            return await _abort(context, failed)

        return guarded

    async def _about(self, body: bytes, context: Any) -> bytes:
        lane = await self._service.models.lane(_text(body), self._deadline(context))
        return about(lane, self._service.limits, draining=self._service.draining)

    async def _server_live(self, body: bytes, context: Any) -> bytes:
        return _encoded("inference.ServerLiveResponse", live=True)

    async def _server_ready(self, body: bytes, context: Any) -> bytes:
        return _encoded("inference.ServerReadyResponse", ready=self._service.ready)

    async def _model_ready(self, body: bytes, context: Any) -> bytes:
        request = _parsed(message("inference.ModelReadyRequest"), body)
        lane = await self._service.models.lane(reference(request.name, request.version), self._deadline(context))
        return _encoded("inference.ModelReadyResponse", ready=lane.predictor.ready().ready and not self._service.draining)

    async def _server_metadata(self, body: bytes, context: Any) -> bytes:
        return _encoded("inference.ServerMetadataResponse", name="instream", version=version("instream"), extensions=v2_about.EXTENSIONS)

    async def _model_metadata(self, body: bytes, context: Any) -> bytes:
        request = _parsed(message("inference.ModelMetadataRequest"), body)
        lane = await self._service.models.lane(reference(request.name, request.version), self._deadline(context))
        return v2_grpc.metadata(lane.name, lane.version, lane.predictor.requires, lane.predictor.produces)

    async def _health(self, body: bytes, context: Any) -> bytes:
        """`""` is the server; a service is the name of a model."""
        name = _parsed(_HealthRequest, body).service
        if name and name not in self._service.models.names and name != v2_grpc.SERVICE:
            raise NotFound(f"no model {name!r} is served here")
        return bytes(_Health(status=1 if self._service.ready else 2).SerializeToString())


async def _message(context: Any) -> bytes:
    body: bytes = await context.read()
    if body is grpc.aio.EOF:
        raise InvalidRows("the call ended without a message")
    return body


async def _abort(context: Any, error: Exception) -> bytes:
    """End a call with a status; a server that is full says when to come again. Not to be called where an error is handled."""
    code = status.status_of(error).grpc
    trailing = [(status.ERROR_HEADER, type(error).__name__)]
    if isinstance(error, Unavailable):
        trailing.append((status.PUSHBACK, str(round(error.retry_after_s * 1000))))
    words = words_of(error)
    error.__traceback__ = None  # gRPC keeps what is raised for a while, and that would keep the rows
    await context.abort(grpc.StatusCode[code], words, tuple(trailing))
    raise AssertionError("abort raises")


def _pin(headers: Headers) -> int | None:
    text = headers.get(status.PIN_HEADER)
    return None if text is None else status.number_in(text, status.PIN_HEADER)


def _parsed(kind: Any, body: bytes) -> Any:
    try:
        return kind.FromString(body)
    except DecodeError as error:
        raise InvalidRows(f"the message is no {kind.DESCRIPTOR.full_name}: {error}") from error


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidRows("the name of a model was expected, in UTF-8") from error


def _encoded(kind: str, /, **fields: Any) -> bytes:
    return bytes(message(kind)(**fields).SerializeToString())
