"""gRPC, with instream's own calls: bytes in, bytes out, no message classes."""

from __future__ import annotations

import threading
from typing import Any

import grpc
import msgspec

from instream.errors import Closed, DeadlineExceeded, InstreamError, Overloaded, Unavailable, Unreachable, WrongAnswer
from instream.strategies.remote.transport import ANSWER_BYTES_MAX
from instream.wire import status
from instream.wire.about import About
from instream.wire.native_calls import ABOUT, MODEL_HEADER, SCORE

_OPTIONS = [
    ("grpc.enable_retries", 0),  # retries are decided in one place, under a budget
    ("grpc.max_receive_message_length", ANSWER_BYTES_MAX),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
]


class GrpcTransport:
    """One channel; gRPC carries many calls on it at once."""

    def __init__(self, target: str, *, secure: bool, ca: bytes | None) -> None:
        self._target = target
        if secure:
            self._channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(ca), _OPTIONS)
        else:
            self._channel = grpc.insecure_channel(target, _OPTIONS)
        self._score = self._channel.unary_unary(SCORE)
        self._about = self._channel.unary_unary(ABOUT)
        self._closed = threading.Event()

    def score(self, model: str, body: bytes, timeout_s: float, pin: int | None) -> bytes:
        metadata = [(MODEL_HEADER, model)]
        if pin is not None:
            metadata.append((status.PIN_HEADER, str(pin)))
        return self._answer(self._score, body, timeout_s, metadata)

    def about(self, model: str, timeout_s: float) -> About:
        answer = self._answer(self._about, model.encode(), timeout_s, [])
        try:
            return msgspec.json.decode(answer, type=About)
        except msgspec.MsgspecError as error:
            raise WrongAnswer(f"what it says of {model} cannot be read: {error}") from error

    def close(self) -> None:
        self._closed.set()
        self._channel.close()  # ends calls under way as cancelled

    def _answer(self, call: Any, body: bytes, timeout_s: float, metadata: list[tuple[str, str]]) -> bytes:
        try:
            answer: bytes = call(body, timeout=timeout_s, metadata=metadata)
            return answer
        except ValueError as error:  # of a channel that is closed
            raise Closed(f"{self._target}: the connection was closed") from error
        except grpc.RpcError as error:
            if self._closed.is_set():
                raise Closed(f"{self._target}: the connection was closed") from error
            raise _error_of(error, timeout_s) from error


def _error_of(error: Any, timeout_s: float) -> InstreamError:
    """What a failed call means; a status without our own name comes from gRPC itself, or from somebody else's server."""
    trailing = dict(error.trailing_metadata() or ())
    retry_s = status.seconds_in(trailing.get(status.PUSHBACK), 1000)
    named = status.error_of(str(trailing.get(status.ERROR_HEADER, "")), error.details() or "", retry_s)
    if named is not None:
        return named
    code, words = error.code(), f"{error.code().name}: {error.details()}"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceeded(f"no answer within {timeout_s:.1f} s", 0.0)
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):  # cancelled: refused while it was still being sent
        return Unreachable(words)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Overloaded(words, retry_s or 0.1)
    return Unavailable(words, retry_s or 0.1) if retry_s is not None else WrongAnswer(words)
