"""A model server in this process, on a thread of its own: for whatever talks to one."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import msgspec

from instream.deploy.served import ports
from instream.deploy.serving import exposed, runner
from instream.server.models import Open
from instream.server.serving import Serving
from instream.server.settings import Server

_START_S = 60.0


class Running:
    """A server that answers; `settings` has its ports."""

    def __init__(self, settings: Server, opened: Open) -> None:
        self.settings = settings
        self._serving = Serving(settings, opened, exposed, runner)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)

    @property
    def http(self) -> str:
        return f"http://{self.settings.http}"

    @property
    def grpc(self) -> str:
        return f"grpc://{self.settings.grpc}"

    def start(self) -> None:
        """Returns once it is ready. Raises what loading a model raised."""
        self._thread.start()
        end_s = time.monotonic() + _START_S
        while not self._serving.report().ready:
            if self._error is not None:
                raise self._error
            assert time.monotonic() < end_s, "the server was not ready within a minute"
            time.sleep(0.01)

    def stop(self) -> None:
        """Drain; returns when it has ended."""
        self._serving.drain()
        self._thread.join(_START_S)

    def _run(self) -> None:
        try:
            self._serving.run()
        except BaseException as error:  # raised again by whoever starts it
            self._error = error


@contextlib.contextmanager
def running(settings: Server, opened: Open) -> Iterator[Running]:
    """A server for as long as the block lasts."""
    with ports(settings) as bound:
        server = Running(bound, opened)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def server_for(*models: str, **changed: object) -> Server:
    """Settings with free ports on loopback."""
    base = Server(models=models, store="", http="127.0.0.1:0", grpc="127.0.0.1:0", poll_ms=10, grace_s=10.0)
    return msgspec.structs.replace(base, **changed)
