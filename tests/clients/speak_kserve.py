"""The KServe Python client over both transports; run in an environment of its own: `speak_kserve.py HTTP GRPC`."""

from __future__ import annotations

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig


async def main(http: str, grpc: str) -> None:
    """Print what was answered, as JSON."""
    rest, rpc, url = InferenceRESTClient(RESTConfig(protocol="v2")), InferenceGRPCClient(grpc), f"http://{http}"
    said = {
        "http": values(await rest.infer(url, asked(binary=False), model_name="echo")),
        "http binary": values(await rest.infer(url, asked(binary=True), model_name="echo")),
        "http up": [await rest.is_server_live(url), await rest.is_server_ready(url), await rest.is_model_ready(url, "echo")],
        "grpc": values(await rpc.infer(asked(binary=True))),
        "grpc up": [await rpc.is_server_live(), await rpc.is_server_ready(), await rpc.is_model_ready("echo")],
    }
    print(json.dumps(said))


def asked(*, binary: bool) -> InferRequest:
    numbers, names = InferInput("x", [2], "FP64"), InferInput("name", [2], "BYTES")
    numbers.set_data_from_numpy(np.array([1.0, 2.0]), binary_data=binary)
    names.set_data_from_numpy(np.array(["JFK", "ü"], dtype=object), binary_data=binary)
    return InferRequest("echo", [numbers, names])


def values(response):
    found = {output.name: output.as_numpy() for output in response.outputs}
    return [found["y"].tolist(), [text.decode() if isinstance(text, bytes) else text for text in found["label"]]]


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
