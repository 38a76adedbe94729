"""Every way in which tritonclient can ask; run in an environment of its own: `speak_triton.py HTTP GRPC`."""

from __future__ import annotations

import asyncio
import json
import sys

import numpy as np
import tritonclient.grpc as by_grpc
import tritonclient.grpc.aio as by_grpc_aio
import tritonclient.http as by_http
import tritonclient.http.aio as by_http_aio
from tritonclient.utils import InferenceServerException

X = np.array([1.0, 2.0])
NAMES = np.array(["JFK", "ü"], dtype=object)


def main(http: str, grpc: str) -> None:
    """Print what was answered, as JSON."""
    said = {**over_http(http), **over_grpc(grpc)}
    said.update(asyncio.run(over_aio(http, grpc)))
    print(json.dumps(said))


def inputs(module, **options):
    numbers, names = module.InferInput("x", [2], "FP64"), module.InferInput("name", [2], "BYTES")
    numbers.set_data_from_numpy(X, **options)
    names.set_data_from_numpy(NAMES, **options)
    return [numbers, names]


def values(result):
    return [result.as_numpy("y").tolist(), [text if isinstance(text, str) else text.decode() for text in result.as_numpy("label")]]


def over_http(address):
    client = by_http.InferenceServerClient(address)
    said = {
        "http up": [client.is_server_live(), client.is_server_ready(), client.is_model_ready("echo"), client.is_model_ready("echo", "1")],
        "http metadata": client.get_model_metadata("echo")["inputs"][0]["datatype"],
        "http server": client.get_server_metadata()["name"],
    }
    for ours in (True, False):
        for theirs in (True, False):
            wanted = [by_http.InferRequestedOutput(name, binary_data=theirs) for name in ("y", "label")]
            result = client.infer("echo", inputs(by_http, binary_data=ours), outputs=wanted, request_id="7")
            said[f"http {ours} {theirs}"] = values(result)
            assert result.get_response()["id"] == "7"
    packed = client.infer(
        "echo", inputs(by_http), model_version="1", request_compression_algorithm="gzip", response_compression_algorithm="gzip"
    )
    said["http gzip"] = values(packed)
    said["http error"] = error_of(lambda: client.infer("nobody", inputs(by_http)))
    return said


def over_grpc(address):
    client = by_grpc.InferenceServerClient(address)
    return {
        "grpc up": [client.is_server_live(), client.is_server_ready(), client.is_model_ready("echo"), client.is_model_ready("echo", "1")],
        "grpc metadata": client.get_model_metadata("echo").inputs[0].datatype,
        "grpc server": client.get_server_metadata().name,
        "grpc": values(client.infer("echo", inputs(by_grpc), request_id="7")),
        "grpc gzip": values(client.infer("echo", inputs(by_grpc), model_version="1", compression_algorithm="gzip")),
        "grpc error": error_of(lambda: client.infer("nobody", inputs(by_grpc))),
    }


async def over_aio(http, grpc):
    async with by_http_aio.InferenceServerClient(http) as client, by_grpc_aio.InferenceServerClient(grpc) as other:
        return {
            "http aio": values(await client.infer("echo", inputs(by_http_aio))),
            "grpc aio": values(await other.infer("echo", inputs(by_grpc_aio))),
        }


def error_of(ask):
    try:
        ask()
    except InferenceServerException as error:
        return f"{error.status()}: {error.message()}"
    return "no error"


if __name__ == "__main__":
    main(*sys.argv[1:])
