"""The child's end of the socket to its supervisor."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

import msgspec

from instream.process.messages import LINE_BYTES_MAX, Drain, Ended, Failed, Report, Start, line

ORPHAN_DRAIN_S = 5.0
"""A worker whose supervisor is gone finishes within this time …"""
ORPHAN_LIFE_S = 8.0
"""… and is gone itself after this one, whatever it does."""
_PR_SET_PDEATHSIG = 1


class Link:
    """Reads what to do, then listens for `Drain` and for the supervisor's death."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._lines = self._read()
        self._sending = threading.Lock()
        end_with_parent()

    def start(self) -> Start:
        """The first line. Raises EOFError when the supervisor is gone already."""
        first = next(self._lines, None)
        if first is None:
            raise EOFError("the supervisor ended before it said what to do")
        return msgspec.json.decode(first, type=Start)

    def listen(self, drain: Callable[[float], None]) -> None:
        """From a thread of its own: call `drain` with the seconds that it may take."""
        threading.Thread(target=self._listen, args=(drain,), name="supervisor", daemon=True).start()

    def send(self, message: Report | Ended | Failed) -> None:
        with self._sending, contextlib.suppress(OSError):  # a supervisor that is gone needs no report; `listen` ends this process
            self._socket.sendall(line(message))

    def _listen(self, drain: Callable[[float], None]) -> None:
        for received in self._lines:
            drain(msgspec.json.decode(received, type=Drain).within_s)
        # A C thread: it ends this process even when native code never gives Python back its lock.
        faulthandler.dump_traceback_later(ORPHAN_LIFE_S, exit=True, file=open(os.devnull, "w"))  # noqa: SIM115
        drain(ORPHAN_DRAIN_S)

    def _read(self) -> Iterator[bytes]:
        buffer = b""
        while len(buffer) <= LINE_BYTES_MAX:
            try:
                received = self._socket.recv(1 << 16)
            except OSError:
                return
            if not received:
                return
            *lines, buffer = (buffer + received).split(b"\n")
            yield from lines


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies; the socket's end says the same, and works everywhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
