"""A pipeline and the model server that it asks, as one tree of processes: `MODEL STORE ENDPOINT PIPELINE`.

The endpoint is grpc://HOST:PORT or http://HOST:PORT; the server listens there and nowhere else.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.drain import stop
from benchmarks.peers.stopping import Stopping

_INSTREAM = str(Path(sys.executable).with_name("instream"))


def main(model: str, store: str, endpoint: str, pipeline: str) -> int:
    stopping = Stopping()
    scheme, _, address = endpoint.partition("://")
    listening = ["--http", address, "--grpc", ""] if scheme == "http" else ["--http", "", "--grpc", address]
    server = subprocess.Popen([_INSTREAM, "serve", "--model", model, "--store", store, *listening])
    worker = subprocess.Popen([_INSTREAM, "run", pipeline])  # waits for the server
    try:
        while not stopping and worker.poll() is None and server.poll() is None:
            time.sleep(0.1)
        return 0 if stopping else worker.poll() or server.poll() or 1
    finally:
        stop(worker)
        stop(server)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
