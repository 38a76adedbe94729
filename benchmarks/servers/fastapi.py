"""FastAPI on uvicorn, as people write it, in an environment of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.servers.protocol import Place, Server
from instream.testing.environments import environment

_PEERS = Path(__file__).parent.parent / "peers"
_PINS = _PEERS / "fastapi.lock"


def _command(place: Place) -> Sequence[str]:
    return [str(environment("fastapi", _PINS)), str(_PEERS / "fastapi_server.py"), str(place.model), str(place.http)]


FASTAPI = Server("fastapi", "FastAPI, uvicorn", _command, lambda: environment("fastapi", _PINS))
