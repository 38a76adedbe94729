"""Records that are lines: of a file, compressed or not, or of standard input."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from instream.connectors.protocol import Lag
from instream.errors import SourceFailed
from instream.flow.points import reached
from instream.records import Partition, Records

CHUNK_BYTES = 1 << 18


class Chunks(Protocol):
    """Bytes in order."""

    def read(self, timeout_s: float) -> bytes | None:
        """Some bytes, at most CHUNK_BYTES; b"" at the end; None when none came in time. Raises SourceFailed."""
        ...

    def close(self) -> None: ...


class Lines:
    """Cuts chunks into lines, and a line that is too long after `record_bytes` + 1 bytes: the rest of it is never kept."""

    def __init__(self, chunks: Chunks, record_bytes: int) -> None:
        self._chunks = chunks
        self._most = record_bytes + 1
        self._whole: list[bytes] = []  # bounded by a chunk; newest first
        self._rest = b""  # of a line whose end was not read yet
        self._skipping = False  # the rest of a line that is too long
        self.ended = False

    def take(self, rows: int, nbytes: int, timeout_s: float) -> list[bytes]:
        """The lines that are there, without waiting for more; waits for the first."""
        taken: list[bytes] = []
        while rows > len(taken) and nbytes > 0:
            if not self._whole and not self._fill(0 if taken else timeout_s):
                break
            while self._whole and len(taken) < rows and nbytes > 0:
                line = self._whole.pop()
                nbytes -= len(line)
                taken.append(line)
        return taken

    def _fill(self, timeout_s: float) -> bool:
        """Read until a line is whole; False when none is to be had now."""
        until = time.monotonic() + timeout_s
        while not self._whole:
            chunk = None if self.ended else self._chunks.read(max(0.0, until - time.monotonic()))
            if chunk is None:
                return False
            if chunk == b"":
                return self._end()
            self._cut(chunk)
        return True

    def _end(self) -> bool:
        """The last line may have no newline."""
        self.ended = True
        if self._rest:
            self._whole, self._rest = [self._rest], b""
        return bool(self._whole)

    def _cut(self, chunk: bytes) -> None:
        if self._skipping:
            _, newline, chunk = chunk.partition(b"\n")
            if not newline:
                return
            self._skipping = False
            self._whole.append(self._rest)
            self._rest = b""
            self._cut_behind(chunk)
        else:
            self._cut_behind(chunk)

    def _cut_behind(self, chunk: bytes) -> None:
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > self._most:
            self._rest, self._skipping = self._rest[: self._most], True
        lines.reverse()
        self._whole = lines + self._whole


class LineSource:
    """See `protocol.Source`. Its one partition is (path, 0), an offset is the number of a line from 0.

    No positions outlive a run: each begins at the first line. A blank line is a record without a value.
    """

    def __init__(self, name: str, open_chunks: Callable[[], Chunks], record_bytes: int) -> None:
        """`open_chunks` opens from the beginning; a second call raises SourceFailed where that cannot be."""
        self._partition = Partition(name, 0)
        self._open_chunks = open_chunks
        self._record_bytes = record_bytes
        self._next = 0
        self._committed = 0
        self._held = False
        self._chunks = open_chunks()
        self._lines = Lines(self._chunks, record_bytes)
        self._done = False

    def poll(self, rows: int, nbytes: int, timeout_s: float) -> Records | None:
        if self._held or self._done:
            time.sleep(timeout_s)
            return None
        values = self._lines.take(rows, nbytes, timeout_s)
        if not values:
            self._done = self._lines.ended
            return None
        begin, self._next = self._next, self._next + len(values)
        return Records(
            topic=self._partition.topic,
            values=values,
            partitions=np.zeros(len(values), np.int32),
            offsets=np.arange(begin, self._next, dtype=np.int64),
            positions={self._partition: self._next},
        )

    def hold(self) -> None:
        self._held = True

    def release(self) -> None:
        self._held = False

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """For `rewind` within this run only."""
        reached("committing")
        self._committed = positions.get(self._partition, self._committed)
        reached("committed")

    def rewind(self) -> None:
        """Read again from the beginning and skip what is committed."""
        self._chunks.close()
        self._chunks = self._open_chunks()
        self._lines, self._next, self._done = Lines(self._chunks, self._record_bytes), 0, False
        while self._next < self._committed:
            skipped = self._lines.take(min(10_000, self._committed - self._next), CHUNK_BYTES, 1.0)
            if not skipped and self._lines.ended:
                raise SourceFailed(f"{self._partition.topic}: it has become shorter while it was read")
            self._next += len(skipped)

    def listen(self, revoked: Callable[[], None], lost: Callable[[], None]) -> None:
        """Nobody takes a file away."""

    @property
    def ended(self) -> bool:
        return self._done

    def lag(self) -> Lag:
        return Lag(0 if self._done else None)

    def close(self) -> None:
        self._chunks.close()
