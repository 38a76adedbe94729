"""One child process, seen from its supervisor."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from instream.process import blackbox
from instream.process.messages import LINE_BYTES_MAX, Drain, Ended, Failed, FromChild, Report, Start, line

_BOUND_TO_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Entry:
    """How children are started.

    Attributes:
        module: run as `python -m module FD`.
        work: JSON, given to the child in its first line.
        stdin, stdout, stderr: file descriptors or subprocess constants; None inherits.
        environ: besides this process's own.
        fds: file descriptors that children inherit under the same numbers.
    """

    module: str
    work: bytes
    stdin: int | None = subprocess.DEVNULL
    stdout: int | None = subprocess.DEVNULL
    stderr: int | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    fds: Sequence[int] = ()


class Child:
    """Spawned in a session of its own, so that a terminal's Ctrl-C reaches the supervisor alone."""

    def __init__(self, entry: Entry, slot: int, folder: Path) -> None:
        self.slot = slot
        self.report = Report()
        self.ended: Ended | None = None
        self.failed: Failed | None = None
        self.listening = True
        self._blackbox = folder / f"{slot}.blackbox"
        blackbox.make(self._blackbox)
        self.socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", entry.module, str(theirs.fileno())],
                pass_fds=[theirs.fileno(), *entry.fds],
                start_new_session=True,
                stdin=entry.stdin,
                stdout=entry.stdout,
                stderr=entry.stderr,
                env={**_BOUND_TO_ONE_THREAD, **os.environ, **entry.environ},
            )
        self._buffer = b""
        self._send(Start(slot, str(self._blackbox), msgspec.Raw(entry.work)))
        self.socket.setblocking(False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self) -> None:
        """Take in what the child has said so far."""
        while True:
            try:
                received = self.socket.recv(1 << 16)
            except OSError:  # nothing more now, or the child is gone, which `exited` tells
                return
            if not received:
                self.listening = False
                return
            *lines, self._buffer = (self._buffer + received).split(b"\n")
            if len(self._buffer) > LINE_BYTES_MAX:
                self.kill()
                return
            for each in lines:
                self._take(msgspec.json.decode(each, type=FromChild))

    def _take(self, message: FromChild) -> None:
        if isinstance(message, Report):
            self.report = message
        elif isinstance(message, Ended):
            self.ended = message
        else:
            self.failed = message

    def exited(self) -> int | None:
        """The exit status; negative is the signal that killed it; None while it lives."""
        return self._process.poll()

    def drain(self, within_s: float) -> None:
        self._send(Drain(within_s))

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)

    def flight(self) -> blackbox.Flight:
        """What it was working on when it last said so."""
        return blackbox.read(self._blackbox)

    def close(self) -> None:
        self.socket.close()
        self._process.wait()

    def _send(self, message: Start | Drain) -> None:
        with contextlib.suppress(OSError):  # a child that is gone is seen by `exited`
            self.socket.sendall(line(message))
