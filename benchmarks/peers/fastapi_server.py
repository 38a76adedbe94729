"""FastAPI, pydantic and onnxruntime, as people write it: `MODEL PORT`. Runs in its own environment (`fastapi.lock`)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvicorn  # type: ignore[import-not-found]
from fastapi import FastAPI, Request, Response  # type: ignore[import-not-found]
from pydantic import BaseModel


class Tensor(BaseModel):
    """An input or output."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Question(BaseModel):
    """A request of Open Inference v2."""

    id: str | None = None
    inputs: list[Tensor]


class Answer(BaseModel):
    """What comes back."""

    model_name: str
    model_version: str
    outputs: list[Tensor]


def application(model: str) -> FastAPI:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the default pool only spins on few rows and takes the client's core
    session = onnxruntime.InferenceSession(model, options)
    name = Path(model).stem
    app = FastAPI()

    # `async def`: with `def` every request takes a thread of Starlette's pool, and two thirds of the rate are gone.
    @app.post(f"/v2/models/{name}/infer")  # type: ignore[untyped-decorator]
    async def infer(question: Question) -> Answer:
        given = question.inputs[0]
        rows = np.array(given.data, np.float32).reshape(given.shape)
        (predicted,) = session.run(None, {"x": rows})
        tensor = Tensor(name="prediction", shape=list(predicted.shape), datatype="FP32", data=predicted.reshape(-1).tolist())
        return Answer(model_name=name, model_version="1", outputs=[tensor])

    @app.post(f"/binary/v2/models/{name}/infer")  # type: ignore[untyped-decorator]
    async def infer_binary(request: Request) -> Response:
        body = await request.body()
        length = int(request.headers["inference-header-content-length"])
        given = json.loads(body[:length])["inputs"][0]
        rows = np.frombuffer(body, np.float32, offset=length)
        (predicted,) = session.run(None, {"x": rows.reshape(given["shape"])})
        return _binary(name, predicted)

    return app


def _binary(name: str, predicted: Any) -> Response:
    raw = predicted.tobytes()
    output = {"name": "prediction", "shape": predicted.shape, "datatype": "FP32", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"model_name": name, "model_version": "1", "outputs": [output]}).encode()
    return Response(head + raw, media_type="application/octet-stream", headers={"inference-header-content-length": str(len(head))})


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), port=int(sys.argv[2]), log_level="warning", access_log=False)
