"""Open Inference v2 over REST with granian, msgspec and onnxruntime and nothing else: `MODEL PORT`.

The same HTTP server, event loop and JSON library as instream's; the model runs in the handler. It trusts its clients,
has no limits, no queue, no second model, and cannot swap the one that it has: what is left is what those cost.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime
import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

_LENGTH = "inference-header-content-length"


class _Tensor(msgspec.Struct, omit_defaults=True):
    name: str
    shape: tuple[int, ...]
    datatype: str
    data: list[float] | None = None
    parameters: dict[str, Any] = {}


class _Request(msgspec.Struct):
    inputs: list[_Tensor]


class _Response(msgspec.Struct):
    model_name: str
    model_version: str
    outputs: list[_Tensor]


class Bare:
    """An RSGI application."""

    def __init__(self, model: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._run = onnxruntime.InferenceSession(model, options).run
        self._path = f"/v2/models/{Path(model).stem}/infer"
        self._name = Path(model).stem
        self._decode = msgspec.json.Decoder(_Request).decode
        self._encode = msgspec.json.Encoder().encode

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        if scope.path != self._path:
            proto.response_empty(404, [])
            return
        body = await proto()
        length = scope.headers.get(_LENGTH)
        if length is None:
            proto.response_bytes(200, [("content-type", "application/json")], self._answer(body))
        else:
            head, raw = self._answer_raw(body, int(length))
            proto.response_bytes(200, [("content-type", "application/octet-stream"), (_LENGTH, str(len(head)))], head + raw)

    def _answer(self, body: bytes) -> bytes:
        given = self._decode(body).inputs[0]
        (predicted,) = self._run(None, {"x": np.array(given.data, np.float32).reshape(given.shape)})
        output = _Tensor("prediction", predicted.shape, "FP32", predicted.reshape(-1).tolist())
        return self._encode(_Response(self._name, "1", [output]))

    def _answer_raw(self, body: bytes, length: int) -> tuple[bytes, bytes]:
        given = self._decode(memoryview(body)[:length]).inputs[0]
        rows = np.frombuffer(memoryview(body)[length:], np.float32).reshape(given.shape)
        (predicted,) = self._run(None, {"x": rows})
        raw = predicted.tobytes()
        output = _Tensor("prediction", predicted.shape, "FP32", None, {"binary_data_size": len(raw)})
        return self._encode(_Response(self._name, "1", [output])), raw


async def main(model: str, port: str) -> None:
    server = Server(Bare(model), port=int(port), interface=Interfaces.RSGI, websockets=False, log_enabled=False)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
    gc.freeze()
    gc.set_threshold(50_000)  # as instream's server: at 700 Python looks for cycles all the time
    await server.serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
