"""The plainest of clients."""

from __future__ import annotations

import http.client
import time
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from instream.testing.faults.served import Served
from instream.testing.server import Running
from instream.wire import native

QUESTION = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [2], "data": [1.0, 2.0]}]}
INFER = "/v2/models/delay/infer"
LARGEST = msgspec.json.encode(
    {"inputs": [{"name": "x", "datatype": "FP64", "shape": [100_000], "data": [n + 0.123456789 for n in range(100_000)]}]}
)


def asked(server: Running, path: str, content: Any = None, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], Any]:
    """Status, headers and what the JSON says; GET without content, else POST."""
    connection = http.client.HTTPConnection(str(server.settings.http), timeout=30)
    try:
        body = content if content is None or isinstance(content, bytes) else msgspec.json.encode(content)
        connection.request("GET" if content is None else "POST", path, body, headers or {})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, _said(response.read())
    finally:
        connection.close()


def after_the_largest(server: Served) -> int:
    """The most memory that it had after as many rows in a request as it takes, bytes."""
    connection = http.client.HTTPConnection(server.http, timeout=60)
    rows = native.write_rows(pa.record_batch({"x": np.arange(100_000, dtype=np.float64)}))
    for body, kind in ((rows, native.MEDIA_TYPE), (LARGEST, "application/json")):
        connection.request("POST", INFER, body, {"content-type": kind})
        response = connection.getresponse()
        assert response.status == 200, response.read()
        response.read()
    connection.close()
    time.sleep(0.5)
    return server.peak()


def values(said: Any) -> list[float]:
    found: list[float] = said["outputs"][0]["data"]
    return found


def _said(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return body
