"""`-`: standard input and output, a JSON record a line, for shell pipes."""

from __future__ import annotations

import os
import select
import sys

from instream.connectors.line_sink import joined
from instream.connectors.lines import CHUNK_BYTES, LineSource
from instream.connectors.opening import SinkOpening, SourceOpening
from instream.connectors.protocol import Sink, Source
from instream.errors import ReaderGone, SinkFailed, SourceFailed
from instream.flow.points import reached
from instream.records import Outcome, Records


class InputChunks:
    """Of a file descriptor, as they come: a slow writer's lines are not waited together."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self, timeout_s: float) -> bytes | None:
        try:
            if not select.select([self._fd], [], [], timeout_s)[0]:
                return None
            return os.read(self._fd, CHUNK_BYTES)
        except OSError as error:
            raise SourceFailed(f"standard input: {error.strerror}") from error

    def close(self) -> None:
        """It is not ours to close."""


class OutputSink:
    """See `protocol.Sink`. A ticket is durable when the operating system has its bytes: nothing is kept across a kill."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._taken = 0

    def write(self, records: Records, outcome: Outcome) -> int:
        """Raises ReaderGone when the next command in the pipe has ended, as `head` does."""
        text = memoryview(joined(outcome.values))
        try:
            while text:
                text = text[os.write(self._fd, text) :]
        except BrokenPipeError:
            _silence(self._fd)
            raise ReaderGone("standard output: whoever read it has gone") from None
        except OSError as error:
            raise SinkFailed(f"standard output: {error.strerror}") from error
        self._taken += 1
        reached("produced")
        return self._taken

    def durable(self) -> int:
        return self._taken

    def flush(self, timeout_s: float) -> int:
        return self._taken

    def close(self) -> None:
        """It is not ours to close."""


def _silence(fd: int) -> None:
    """Later writes, such as Python's own at its end, go nowhere instead of failing again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, fd)
    os.close(nowhere)


class _Once:
    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    def __call__(self) -> InputChunks:
        if self._fd is None:
            raise SourceFailed("standard input cannot be read a second time; use a file")
        fd, self._fd = self._fd, None
        return InputChunks(fd)


def open_source(opening: SourceOpening) -> Source:
    return LineSource("stdin", _Once(sys.stdin.fileno()), opening.record_bytes)


def open_sinks(openings: list[SinkOpening]) -> list[Sink]:
    sys.stdout.flush()
    return [OutputSink(sys.stdout.fileno()) for _ in openings]


def set_start(opening: SourceOpening) -> None:
    """Standard input is always read from where it is."""
