"""A server that runs for as long as a block lasts, and answers rightly before anything is timed."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.contestants import WrongAnswer
from benchmarks.cpu import ProcessTree
from benchmarks.drain import Failed, stop
from benchmarks.servers import Place, Server
from benchmarks.serving.asking import NotYet, ask
from benchmarks.serving.mlp import answers
from benchmarks.serving.questions import Question

_START_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Started:
    """A server and what it uses."""

    server: Server
    place: Place
    process: subprocess.Popen[bytes]
    tree: ProcessTree

    def ask(self, question: Question) -> None:
        """Ask until there is an answer, and compare it with onnxruntime's. Raises Failed, WrongAnswer."""
        end = time.monotonic() + _START_S_MAX
        while True:
            try:
                self._check(question, ask(question, self.place))
                return
            except NotYet as error:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise Failed(f"{self.server.name} does not answer: {error}\n{self._log()}") from error
            time.sleep(0.05)

    def check_alive(self) -> None:
        """Raises Failed."""
        if self.process.poll() is not None:
            raise Failed(f"{self.server.name} ended with status {self.process.returncode}\n{self._log()}")

    def _check(self, question: Question, predicted: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
        expected = answers(self.place.model, question.rows)
        if predicted.shape != expected.shape or not np.allclose(predicted, expected, rtol=1e-4, atol=1e-4):
            raise WrongAnswer(f"{self.server.name} says {predicted[:3]} to {question.path}: expected {expected[:3]}, …")

    def _log(self) -> str:
        return (self.place.folder / "log").read_text(errors="replace")[-3000:]


@contextmanager
def started(server: Server, model: Path, folder: Path) -> Iterator[Started]:
    """Start a server in a new folder; it may not answer yet."""
    folder.mkdir()
    place = Place(model, folder, _free_port(), _free_port())
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(server.command(place), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield Started(server, place, process, ProcessTree(process.pid))
        finally:
            stop(process)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
