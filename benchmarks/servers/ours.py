"""instream: `instream serve` with a model file, one process, nothing but defaults."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.servers.protocol import Place, Server


def _command(place: Place) -> Sequence[str]:
    instream = str(Path(sys.executable).with_name("instream"))
    return [instream, "serve", str(place.model), "--http", f"127.0.0.1:{place.http}", "--grpc", f"127.0.0.1:{place.grpc}"]


INSTREAM = Server("instream", "instream serve", _command)
