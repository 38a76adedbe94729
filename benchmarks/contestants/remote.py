"""instream with its model in a server on the same machine: worker and server count together."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from functools import partial

from benchmarks.contestants.ours import command, write_pipeline
from benchmarks.contestants.protocol import Contestant, Job
from benchmarks.model import NAME


def _command(scheme: str, job: Job) -> Sequence[str]:
    endpoint = f"{scheme}://127.0.0.1:{_free_port()}"
    pipeline = write_pipeline(job, {"strategy": f'kind = "remote"\nendpoint = "{endpoint}"'})
    return [sys.executable, "-m", "benchmarks.peers.with_server", NAME, job.store, endpoint, str(pipeline)]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


EMBEDDED = Contestant("embedded", "embedded: the model in the worker", partial(command, {"strategy": 'kind = "embedded"'}))
REMOTE_GRPC = Contestant("remote-grpc", "remote, grpc://, with its server", partial(_command, "grpc"))
REMOTE_HTTP = Contestant("remote-http", "remote, http://, with its server", partial(_command, "http"))
