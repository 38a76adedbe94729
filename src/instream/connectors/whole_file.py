"""A file that can only be read once it is whole: compressed lines, Parquet."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from instream.connectors.naming import numbered, part_of
from instream.connectors.opening import Existing
from instream.errors import SinkFailed
from instream.flow.points import reached
from instream.records import Outcome, Records


class Content(Protocol):
    """Made for one path; writes its values there."""

    def add(self, values: Sequence[bytes | None]) -> None: ...

    def close(self) -> None:
        """The file is whole."""
        ...


class WholeFile:
    """See `protocol.Sink`. Tickets are durable when the file is whole and has its name: at `flush`, which ends it.

    What is written after a flush (a source that lost its partitions and got them back flushes before the end) goes
    to the next file: out.parquet, out-2.parquet, … A kill leaves `out.parquet.part`, of which nothing counts.
    existing="append" never writes over a file that is there.
    """

    def __init__(self, path: Path, content: Callable[[Path], Content], existing: Existing) -> None:
        self._path = path
        self._make = content
        self._existing = existing
        self._names = numbered(path)
        self._content: Content | None = None
        self._taken = self._durable = 0
        if not os.access(path.parent, os.W_OK):
            raise SinkFailed(f"{path}: cannot be written: there is no folder {path.parent}, or it may not be written to")

    def write(self, records: Records, outcome: Outcome) -> int:
        try:
            self._content = self._content or self._make(part_of(self._path))
            self._content.add(outcome.values)
        except OSError as error:
            raise SinkFailed(f"{self._path}: {error.strerror or error}") from error
        self._taken += 1
        reached("produced")
        return self._taken

    def durable(self) -> int:
        return self._durable

    def flush(self, timeout_s: float) -> int:
        if self._content is not None:
            self._name()
        self._durable = self._taken
        return self._durable

    def close(self) -> None:
        self.flush(0)

    def _name(self) -> None:
        assert self._content is not None
        part, name = part_of(self._path), next(self._names)
        while self._existing == "append" and name.exists():
            name = next(self._names)
        try:
            self._content.close()
            with part.open("rb") as whole:
                os.fsync(whole.fileno())
            os.replace(part, name)
        except OSError as error:
            raise SinkFailed(f"{name}: {error.strerror or error}") from error
        self._content = None
