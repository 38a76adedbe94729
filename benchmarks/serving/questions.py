"""What servers are asked: the bytes of a request, and how its answer is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from benchmarks.serving.mlp import NAME, WIDTH, inputs
from benchmarks.workload import Floats
from instream.wire import native, v2_grpc, v2_json
from instream.wire.native_calls import MODEL_HEADER, SCORE

INFER = f"/v2/models/{NAME}/infer"

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """One request; everybody is asked the same, and always the same.

    Attributes:
        path: of the REST request, or the full name of the gRPC call.
        headers: or the call's metadata.
        read: the predictions in an answer, from its body and headers.
    """

    transport: Literal["rest", "grpc"]
    path: str
    headers: Headers
    body: bytes
    rows: int
    read: Callable[[bytes, Headers], Floats]


def in_json(rows: int) -> Question:
    """Open Inference v2, the numbers as text."""
    values = [float(f"{value:.7g}") for value in inputs(rows).reshape(-1).tolist()]
    body = {"inputs": [{**_tensor(rows), "data": values}]}
    return Question("rest", INFER, {"content-type": "application/json"}, json.dumps(body).encode(), rows, _read_json)


def in_binary(rows: int) -> Question:
    """Open Inference v2 with the binary tensor extension, both ways."""
    raw = inputs(rows).tobytes()
    said = {"inputs": [{**_tensor(rows), "parameters": {"binary_data_size": len(raw)}}], "parameters": {"binary_data_output": True}}
    head = json.dumps(said).encode()
    headers = {"content-type": "application/octet-stream", v2_json.LENGTH_HEADER: str(len(head))}
    return Question("rest", INFER, headers, head + raw, rows, _read_binary)


def in_messages(rows: int) -> Question:
    """Open Inference v2 over gRPC, raw contents."""
    request = v2_grpc.InferRequest(model_name=NAME, raw_input_contents=[inputs(rows).tobytes()])
    request.inputs.add(**_tensor(rows))
    return Question("grpc", f"/{v2_grpc.SERVICE}/ModelInfer", {}, request.SerializeToString(), rows, _read_message)


def in_arrow(rows: int) -> Question:
    """Instream's own call."""
    column = pa.FixedSizeListArray.from_arrays(pa.array(inputs(rows).reshape(-1)), WIDTH)
    body = native.write_rows(pa.RecordBatch.from_pydict({"x": column}))
    return Question("grpc", SCORE, {MODEL_HEADER: NAME}, body, rows, _read_arrow)


def _tensor(rows: int) -> dict[str, Any]:
    return {"name": "x", "shape": [rows, WIDTH], "datatype": "FP32"}


def _read_json(body: bytes, _: Headers) -> Floats:
    return np.array(json.loads(body)["outputs"][0]["data"], np.float32).reshape(-1)


def _read_binary(body: bytes, headers: Headers) -> Floats:
    length = int(headers[v2_json.LENGTH_HEADER])
    return np.frombuffer(body[length:], np.float32)


def _read_message(body: bytes, _: Headers) -> Floats:
    return np.frombuffer(v2_grpc.InferResponse.FromString(body).raw_output_contents[0], np.float32)


def _read_arrow(body: bytes, _: Headers) -> Floats:
    with pa.ipc.open_stream(body) as reader:
        return np.asarray(reader.read_all().column(0), np.float32)
