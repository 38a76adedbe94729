"""A model server that misbehaves on demand, as the real one will not: `y = 2 x`, once it answers as it should."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

import grpc
import msgspec
import numpy as np
import pyarrow as pa

from instream.failures import NONE
from instream.package import Version
from instream.predictor import Prediction, stamped
from instream.signature import Field
from instream.wire import native
from instream.wire.about import About
from instream.wire.native_calls import ABOUT, SCORE

SLOW_S = 1.0
"""How long a slow answer takes."""

_ABOUT = About("delay", (Field("x", "float64"),), (Field("y", "float64"),), True, "serving delay@1", 1, (Version(1),), "", 10_000, 1 << 20)


def right(x: pa.Array) -> Prediction:
    """What a server should answer."""
    y = pa.RecordBatch.from_arrays([pa.array(2 * np.asarray(x))], ["y"])
    return Prediction(y, stamped(Version(1), len(x)), 1, NONE)


def _fewer(x: pa.Array) -> bytes:
    return native.write_answer(right(x.slice(1)))


def _more(x: pa.Array) -> bytes:
    return native.write_answer(right(pa.concat_arrays([x, x])))


def _of_another_type(x: pa.Array) -> bytes:
    outputs = pa.RecordBatch.from_arrays([pa.array(np.asarray(x).astype(np.int64))], ["y"])
    return native.write_answer(Prediction(outputs, stamped(Version(1), len(x)), 1, NONE))


def _of_another_name(x: pa.Array) -> bytes:
    outputs = pa.RecordBatch.from_arrays([pa.array(np.zeros(len(x)))], ["z"])
    return native.write_answer(Prediction(outputs, stamped(Version(1), len(x)), 1, NONE))


def _of_no_version(x: pa.Array) -> bytes:
    outputs = pa.RecordBatch.from_arrays([pa.array(np.zeros(len(x)))], ["y"])
    stamps = stamped(Version(0), len(x))
    return native.write_answer(Prediction(outputs, stamps, 1, NONE))


WRONG: Mapping[str, Callable[[pa.Array], bytes]] = {
    "fewer rows": _fewer,
    "more rows": _more,
    "another type": _of_another_type,
    "another name": _of_another_name,
    "no version": _of_no_version,
    "garbage": lambda x: bytes(range(256)) * 4,
    "html": lambda x: b"<html><body>It works!</body></html>",
    "empty": lambda x: b"",
    "half": lambda x: native.write_answer(right(x))[:-50],
}
"""Answers with a status that says that all is well."""

STATUSES = (500, 429, 503)
BROKEN = ("slow", "reset", *(str(status) for status in STATUSES))
FAULTS = (*WRONG, *BROKEN)
HTTP_FAULTS = (*FAULTS, "half body", "html page")


class Plan:
    """Which fault comes next; thread-safe. `calm` ends them."""

    def __init__(self, faults: tuple[str, ...], seed: int, share: float = 0.5) -> None:
        self._faults = faults
        self._random = Random(seed)
        self._share = share
        self._lock = threading.Lock()
        self.calm = False
        self.given: list[str] = []

    def next(self) -> str:
        """Empty where the answer should be right."""
        with self._lock:
            fault = "" if self.calm or self._random.random() >= self._share else self._random.choice(self._faults)
            self.given.append(fault)
            return fault


@contextlib.contextmanager
def over_http(plan: Plan) -> Iterator[str]:
    """The URL of a REST server that keeps to the plan."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200, "application/json", msgspec.json.encode(_ABOUT))

        def do_POST(self) -> None:
            x = native.read_rows(self.rfile.read(int(self.headers["content-length"])), 10_000).column("x")
            fault = plan.next()
            if fault in WRONG:
                self._answer(200, native.MEDIA_TYPE, WRONG[fault](x))
            elif fault == "html page":
                self._answer(200, "text/html", WRONG["html"](x))
            elif fault.isdecimal():
                self._answer(int(fault), "text/plain", b"not now", {"Retry-After": "0"})
            elif fault == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
            elif fault == "half body":
                body = native.write_answer(right(x))
                self._answer(200, native.MEDIA_TYPE, body[: len(body) // 2], length=len(body))
                self.close_connection = True
            else:
                time.sleep(SLOW_S if fault == "slow" else 0)
                self._answer(200, native.MEDIA_TYPE, native.write_answer(right(x)))

        def _answer(self, status: int, kind: str, body: bytes, headers: Mapping[str, str] = {}, length: int | None = None) -> None:
            with contextlib.suppress(OSError):  # the client gave up
                self.send_response(status)
                for name, value in {
                    "Content-Type": kind,
                    "Content-Length": str(len(body) if length is None else length),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is said."""

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def over_grpc(plan: Plan) -> Iterator[str]:
    """The URL of a gRPC server that keeps to the plan."""
    codes = {"500": grpc.StatusCode.INTERNAL, "429": grpc.StatusCode.RESOURCE_EXHAUSTED, "503": grpc.StatusCode.UNAVAILABLE}

    def score(body: bytes, context: Any) -> bytes:
        x = native.read_rows(body, 10_000).column("x")
        fault = plan.next()
        if fault in WRONG:
            return WRONG[fault](x)
        if fault in codes:
            context.abort(codes[fault], "not now")
        if fault == "reset":
            context.abort(grpc.StatusCode.UNAVAILABLE, "Connection reset by peer")
        time.sleep(SLOW_S if fault == "slow" else 0)
        return native.write_answer(right(x))

    class Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: Any) -> Any:
            calls = {SCORE: score, ABOUT: lambda body, context: msgspec.json.encode(_ABOUT)}
            return grpc.unary_unary_rpc_method_handler(calls[details.method]) if details.method in calls else None

    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((Calls(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
