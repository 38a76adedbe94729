"""`instream serve` as a process of its own, to be killed, stopped and measured."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

from instream.testing.faults.running import Running
from instream.testing.processes import forget_peak, freeze, memory


class Served:
    """A server that is ready; started again it has the same ports."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._log = folder / "serve.log"
        self._arguments = arguments
        self._ports = _free_port(), _free_port()
        self._runs = 0
        self.start()

    @property
    def http(self) -> str:
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self._ports[1]}"

    def start(self) -> None:
        """Returns once it is ready."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start it, and do not wait."""
        self._runs += 1
        self.running = Running(self._log, "serve", "--http", self.http, "--grpc", self.grpc, *self._arguments)

    def wait(self) -> None:
        """Until it is ready."""
        self.running.wait_until_said("ready: ", times=self._runs)

    def kill(self) -> None:
        """kill -9 of every process of it."""
        for pid in self.running.kill():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """SIGSTOP of every process of it, SIGCONT at the end: it listens and does not answer."""
        pids = self.running.workers()
        for pid in pids:
            freeze(pid)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def rss(self) -> int:
        """Resident memory of its processes, bytes, the supervisor left out."""
        return sum(memory(pid) for pid in self.running.workers())

    def peak(self) -> int:
        """The most that it ever was, each process by itself; or since `forget_peak`."""
        return sum(memory(pid, "VmHWM") for pid in self.running.workers())

    def forget_peak(self) -> None:
        for pid in self.running.workers():
            forget_peak(pid)


@contextlib.contextmanager
def served(folder: Path, *arguments: str) -> Iterator[Served]:
    """A server for as long as the block lasts."""
    server = Served(folder, *arguments)
    try:
        yield server
    finally:
        server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
