"""REST: Open Inference v2 (JSON, binary tensors, Arrow) and TensorFlow Serving v1, as an RSGI application."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any, TypeVar

import msgspec

from instream.errors import DeadlineExceeded, TooLarge, Unavailable
from instream.flow.deadline import deadline_in
from instream.server.about import about
from instream.server.ages import Ages
from instream.server.body import COPIES, Bodies, inflate
from instream.server.counting import Counting
from instream.server.routes import Route, route
from instream.server.service import BINARY_INLINE, TEXT_INLINE, Asked, Read, Service
from instream.server.words import words_of
from instream.wire import native, status, tensorflow, v2_about, v2_json
from instream.wire.native_question import read_question

_JSON = "application/json"

_WORTH_LOOKING_S = 0.02

Headers = list[tuple[str, str]]
T = TypeVar("T")


class Rest:
    """An RSGI application; `metrics` gives the body of /metrics and its media type."""

    def __init__(self, service: Service, bodies: Bodies, ages: Ages, counting: Counting, metrics: Callable[[], tuple[bytes, str]]) -> None:
        self._service = service
        self._bodies = bodies
        self._ages = ages
        self._counting = counting
        self._metrics = metrics

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        found = route(scope.method, scope.path)
        try:
            if found.action in ("infer", "predict"):
                code, headers, body = await self._scored(found, scope.headers, proto)
            else:
                code, headers, body = await self._told(found)
        except Exception as error:  # each becomes an answer; one that is not on purpose is our fault, and is logged
            code, headers, body = _refusal(error)
        if self._service.draining or self._ages.over(scope.client) or code == 413:
            headers.append(("connection", "close"))
        if trace := scope.headers.get("traceparent"):
            headers.append(("traceparent", trace))
        proto.response_bytes(code, headers, body)
        self._counting.answered("rest", code)

    async def _scored(self, found: Route, headers: Any, proto: Any) -> tuple[int, Headers, bytes]:
        asked = _asked(found.model, headers, self._service.limits.timeout_s)
        self._service.check(asked)
        limits, gate = self._service.limits, self._service.gate
        length = _length(headers, limits.body_bytes)
        held = gate.enter(COPIES * (length or 0))
        try:
            await self._bodies.read(proto, length, held)
            if encoding := headers.get("content-encoding"):
                inflate(held, encoding, limits.body_bytes)
            answering = self._service.ask(asked, _reading(found.action, headers), len(held.content), held, inline=_inline(headers))
            if self._service.batcher.wait_s() > _WORTH_LOOKING_S:
                answering = _while_wanted(answering, proto)
            answered, reply = await answering
            return (
                200,
                [
                    ("content-type", reply.media_type),
                    (status.VERSION_HEADER, str(answered.version)),
                    (status.HEAD_HEADER, str(answered.head)),
                    *reply.headers.items(),
                ],
                reply.body,
            )
        finally:
            held.leave()

    async def _told(self, found: Route) -> tuple[int, Headers, bytes]:
        service = self._service
        if found.action == "live":
            return _json(200, b'{"live":true}')
        if found.action == "ready":
            return _json(200 if service.ready else 503, msgspec.json.encode({"ready": service.ready}))
        if found.action == "server":
            return _json(200, v2_about.server(version("instream")))
        if found.action == "metrics":
            body, kind = await asyncio.get_running_loop().run_in_executor(None, self._metrics)
            return 200, [("content-type", kind)], body
        if found.action == "absent":
            return _json(404, msgspec.json.encode({"error": "no such path; POST /v2/models/NAME/infer asks a model"}))
        if found.action == "method":
            return _json(405, msgspec.json.encode({"error": "this path takes another method"}))
        return await self._told_of(found)

    async def _told_of(self, found: Route) -> tuple[int, Headers, bytes]:
        lane = await self._service.models.lane(found.model, deadline_in(self._service.limits.timeout_s))
        predictor, now = lane.predictor, lane.predictor.ready()
        if found.action == "about":
            return _json(200, about(lane, self._service.limits, draining=self._service.draining))
        if found.action == "model_ready":
            ready = now.ready and not self._service.draining
            return _json(200 if ready else 503, msgspec.json.encode({"name": lane.name, "ready": ready}))
        if found.action == "tf_status":
            return _json(200, tensorflow.status(lane.version, available=now.ready))
        if found.action == "tf_metadata":
            return _json(200, tensorflow.metadata(lane.name, lane.version, predictor.requires, predictor.produces))
        return _json(200, v2_about.model(lane.name, lane.version, predictor.requires, predictor.produces))


async def _while_wanted(answer: Coroutine[Any, Any, T], proto: Any) -> T:
    """Give up what waits for a client that has gone; where little waits it is not worth looking."""
    asking, gone = asyncio.ensure_future(answer), asyncio.ensure_future(proto.client_disconnect())
    try:
        await asyncio.wait({asking, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            asking.cancel()
            raise DeadlineExceeded("the client has gone", 0.0)
        return asking.result()
    finally:
        gone.cancel()


def _reading(action: str, headers: Any) -> Read:
    """How a body is to be read, by path and media type."""
    if action == "predict":
        return tensorflow.read
    if (headers.get("content-type") or "").startswith(native.MEDIA_TYPE):
        return read_question
    text = headers.get(v2_json.LENGTH_HEADER)
    length = None if text is None else status.number_in(text, v2_json.LENGTH_HEADER)
    return lambda body, inputs, rows: v2_json.read(body, length, inputs, rows)


def _inline(headers: Any) -> int:
    """How large a body is read at once; see `service`."""
    binary = headers.get(v2_json.LENGTH_HEADER) is not None or headers.get("content-type") == native.MEDIA_TYPE
    return BINARY_INLINE if binary else TEXT_INLINE


def _asked(model: str, headers: Any, timeout_s: float) -> Asked:
    text, pin = headers.get(status.TIMEOUT_HEADER), headers.get(status.PIN_HEADER)
    wanted_s = timeout_s if text is None else min(timeout_s, status.number_in(text, status.TIMEOUT_HEADER) / 1000)
    return Asked(model, deadline_in(wanted_s), None if pin is None else status.number_in(pin, status.PIN_HEADER))


def _length(headers: Any, most: int) -> int | None:
    """What the client says that it will send; None where it does not say. Raises TooLarge before anything is read."""
    text = headers.get("content-length")
    if text is None:
        return None
    length = status.number_in(text, "content-length")
    if length > most:
        raise TooLarge(f"a body of {length:,} bytes: at most {most:,} are taken; send fewer rows at once")
    return length


def _json(code: int, body: bytes) -> tuple[int, Headers, bytes]:
    return code, [("content-type", _JSON)], body


def _refusal(error: Exception) -> tuple[int, Headers, bytes]:
    """`{"error": …}` is the form of all three protocols."""
    code = status.status_of(error).http
    headers = [("content-type", _JSON), (status.ERROR_HEADER, type(error).__name__)]
    if isinstance(error, Unavailable):
        headers += [("retry-after", str(math.ceil(error.retry_after_s))), (status.RETRY_HEADER, str(round(error.retry_after_s * 1000)))]
    return code, headers, msgspec.json.encode({"error": words_of(error)})
