"""A .jsonl file as a sink."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from instream.connectors.naming import part_of
from instream.connectors.opening import Existing
from instream.errors import SinkFailed
from instream.flow.points import reached
from instream.records import Outcome, Records

_SYNC_EVERY_S = 0.1


def joined(values: Sequence[bytes | None]) -> bytes:
    """One line a value. A newline in a value can only stand between JSON tokens, where a space means the same."""
    there = [value for value in values if value is not None]
    if not there:
        return b""
    text = b"\n".join(there)
    if text.count(b"\n") != len(there) - 1:
        text = b"\n".join(value.replace(b"\n", b" ") for value in there)
    return text + b"\n"


class LineSink:
    """See `protocol.Sink`. A ticket is durable once it is synced to disk, at most every 100 ms unless `flush` asks.

    existing="replace": written as `name.part`, renamed at close, so that under its name it is always whole.
    existing="append": goes on behind the whole lines that are there; what a kill tore is cut off, and comes again.
    existing="truncate": begun anew, and to be looked at while it grows.
    """

    def __init__(self, path: Path, existing: Existing) -> None:
        self._path = path
        self._written_to = part_of(path) if existing == "replace" else path
        self._taken = self._durable = 0
        self._synced_s = time.monotonic()
        try:
            self._file = open(self._written_to, "r+b" if existing == "append" and path.exists() else "wb", buffering=0)  # noqa: SIM115
            if existing == "append":
                os.truncate(self._file.fileno(), _whole_lines(self._file.fileno()))
                self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise SinkFailed(f"{path}: cannot be written: {error.strerror}") from error

    def write(self, records: Records, outcome: Outcome) -> int:
        text = memoryview(joined(outcome.values))
        try:
            while text:
                text = text[self._file.write(text) :]
        except OSError as error:
            raise SinkFailed(f"{self._path}: {error.strerror}") from error
        self._taken += 1
        reached("produced")
        return self._taken

    def durable(self) -> int:
        if self._durable < self._taken and time.monotonic() - self._synced_s >= _SYNC_EVERY_S:
            self._sync()
        return self._durable

    def flush(self, timeout_s: float) -> int:
        self._sync()
        return self._durable

    def close(self) -> None:
        self._sync()
        self._file.close()
        if self._written_to != self._path:
            os.replace(self._written_to, self._path)

    def _sync(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise SinkFailed(f"{self._path}: {error.strerror}") from error
        self._synced_s = time.monotonic()
        self._durable = self._taken


def _whole_lines(fd: int) -> int:
    """How many bytes up to and with the last newline; read from the end."""
    end = os.fstat(fd).st_size
    while end > 0:
        begin = max(0, end - (1 << 16))
        at = os.pread(fd, end - begin, begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0
