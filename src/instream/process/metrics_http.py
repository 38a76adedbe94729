"""One port for the whole pipeline: /metrics for Prometheus, /health and /ready for probes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from instream.errors import SettingsInvalid
from instream.process.status import State, Status


class MetricsPort:
    """Serves until `close`. The workers leave their figures in `folder`."""

    def __init__(self, address: str, folder: Path, pipeline: str, status: Callable[[], Status]) -> None:
        """Listen. Raises SettingsInvalid when the address cannot be used."""
        host, _, port = address.rpartition(":")
        self._folder = folder
        handler = _handler(folder, pipeline, status)
        try:
            self._server = ThreadingHTTPServer((host.strip("[]") or "127.0.0.1", int(port)), handler)
        except (OSError, ValueError, OverflowError) as error:
            raise SettingsInvalid(
                f"engine.metrics = {address!r}: cannot listen there: {error}; give host:port, port 0 takes a free one"
            ) from error
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def died(self, pid: int) -> None:
        """Take a dead worker's gauges out; its counters stay."""
        mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _restarts(pipeline: str, status: Status) -> bytes:
    """The supervisor's own figure: it lives in no worker's file."""
    count = sum(worker.restarts for worker in status.workers)
    name = "instream_worker_restarts_total"
    return f'# HELP {name} Workers started again after a crash.\n# TYPE {name} counter\n{name}{{pipeline="{pipeline}"}} {count}\n'.encode()


def _handler(folder: Path, pipeline: str, status: Callable[[], Status]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds for a slow client

        def do_GET(self) -> None:
            if self.path == "/metrics":
                now = status()  # before the figures: who is asked may take out those of the dead
                registry = CollectorRegistry()
                MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
                self._answer(200, generate_latest(registry) + _restarts(pipeline, now), CONTENT_TYPE_LATEST)
            elif self.path == "/health":
                self._answer(200, b"ok\n")
            elif self.path == "/ready":
                now = status()
                self._answer(200 if now.ready else 503, _states(now))
            else:
                self._answer(404, b"/metrics, /health, /ready\n")

        def _answer(self, code: int, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A probe every few seconds is no news."""

    return Handler


def _states(status: Status) -> bytes:
    lines = [f"worker {worker.slot}: {worker.state}" for worker in status.workers if worker.state is not State.ENDED]
    return ("\n".join(lines) + "\n").encode()
