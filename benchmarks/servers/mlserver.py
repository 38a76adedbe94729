"""MLServer with a runtime of a few lines, in an environment of its own; with and without its batching."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.servers.protocol import Place, Server
from instream.testing.environments import environment

_PEERS = Path(__file__).parent.parent / "peers"
_PINS = _PEERS / "mlserver.lock"
_RUNTIME = "mlserver_runtime"

_BATCHING = {"max_batch_size": 32, "max_batch_time": 0.001}
"""As many as there are connections; a longer wait only makes it slower."""


def _command(model: Mapping[str, Any], place: Place) -> Sequence[str]:
    """Write the folder that MLServer wants, and serve it."""
    shutil.copy(_PEERS / f"{_RUNTIME}.py", place.folder)
    _write(
        place.folder / "settings.json",
        {
            "debug": False,  # or it logs every request
            "host": "127.0.0.1",
            "http_port": place.http,
            "grpc_port": place.grpc,
            # By default it has worker processes, and a request goes there through a queue and back through another: with one of
            # them 1.1 to 3 times slower, seen with uvloop 0.21. With the 0.23 that is pinned they end at their start
            # (`asyncio.get_event_loop` without a loop).
            "parallel_workers": 0,
            "metrics_endpoint": None,
            "metrics_dir": str(place.folder),
            "gzip_enabled": False,
            "grpc_max_message_length": 16 << 20,
        },
    )
    _write(
        place.folder / "model-settings.json",
        {
            "name": place.model.stem,
            "implementation": f"{_RUNTIME}.Onnx",
            "parameters": {"uri": str(place.model), "version": "1"},
            **model,
        },
    )
    return [str(environment("mlserver", _PINS).with_name("mlserver")), "start", str(place.folder)]


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def _prepare() -> None:
    environment("mlserver", _PINS)


MLSERVER = Server("mlserver", "MLServer", partial(_command, {}), _prepare)
MLSERVER_BATCH = Server("mlserver-batch", "MLServer, its batching", partial(_command, _BATCHING), _prepare)
