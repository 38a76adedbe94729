"""The plainest of clients."""

from __future__ import annotations

import http.client
from typing import Any

import msgspec

from instream.testing.server import Running

QUESTION = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [2], "data": [1.0, 2.0]}]}
INFER = "/v2/models/delay/infer"


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


def values(said: Any) -> list[float]:
    found: list[float] = said["outputs"][0]["data"]
    return found


def _said(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return body
