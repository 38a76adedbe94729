"""Open Inference v2 over gRPC with grpc.aio, protobuf and onnxruntime and nothing else: `MODEL PORT`.

The same libraries, event loop and message classes as instream's; the model runs in the handler.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np
import onnxruntime
import uvloop

from instream.wire.v2_grpc import SERVICE, InferRequest, InferResponse


class Bare(grpc.GenericRpcHandler):  # type: ignore[misc]
    """One call, raw contents."""

    def __init__(self, model: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._run = onnxruntime.InferenceSession(model, options).run
        self._name = Path(model).stem
        self._infer = grpc.unary_unary_rpc_method_handler(
            self.infer, request_deserializer=InferRequest.FromString, response_serializer=InferResponse.SerializeToString
        )

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._infer if handler_call_details.method == f"/{SERVICE}/ModelInfer" else None

    async def infer(self, request: Any, _: Any) -> Any:
        rows = np.frombuffer(request.raw_input_contents[0], np.float32).reshape(request.inputs[0].shape)
        (predicted,) = self._run(None, {"x": rows})
        response = InferResponse(model_name=self._name, model_version="1", raw_output_contents=[predicted.tobytes()])
        response.outputs.add(name="prediction", datatype="FP32", shape=predicted.shape)
        return response


async def main(model: str, port: str) -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    server = grpc.aio.server(handlers=(Bare(model),), options=[("grpc.max_receive_message_length", 8 << 20)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    gc.freeze()
    gc.set_threshold(50_000)  # as instream's server: at 700 Python looks for cycles all the time
    await server.start()
    await ending.wait()
    await server.stop(5)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))
