"""The parameters of one keyed package: each key has revisions of its own, and the newest is in force."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from instream.errors import NotFound, StoreError
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline, deadline_in
from instream.key import check
from instream.stores.parameter_rows import KEPT, Moved, ParameterRows, Row

PAYLOAD_BYTES_MAX = 64 << 20
_TURN_ROWS = 500
_TURN_BYTES = 4 << 20
_TRIMMED = 0.05


@dataclass(frozen=True, slots=True)
class Revised:
    """What a key has.

    Attributes:
        revision: microseconds of the store's clock when it was written, or more where a greater one was there.
        payload: None where it was taken away.
    """

    revision: int
    payload: bytes | None


class Parameters:
    """Of one package (by its digest), by the canonical text of each key. Thread-safe; any number of processes write and read at a time.

    Nothing here needs a transaction: a row is only ever added, and of those of a key the greatest (revision, writer)
    is in force, whole.
    """

    def __init__(self, rows: ParameterRows, digest: str, store: str, closed: threading.Event, clock: Clock = SYSTEM) -> None:
        self._rows = rows
        self._set = digest
        self._store = store
        self._closed = closed
        self._clock = clock
        self._random = Random()

    @property
    def poll_s(self) -> float:
        """How often it is reasonable to ask for changes."""
        return self._rows.poll_s

    def now_us(self) -> int:
        """The store's clock, by which revisions are given: Unix time in microseconds."""
        return self._rows.now_us()

    def write(self, items: Mapping[str, bytes | None]) -> Mapping[str, int]:
        """Give keys new parameters, each key at once and whole; None takes a key's away.

        Returns:
            The revision of each key; when this returns, every reader finds it, or a newer one.
        Raises:
            InvalidRows: a text is not that of a key.
            StoreError: some keys may have been written; writing the same again does no harm.
        """
        for text in items:
            check(text)
        writer = uuid.uuid4().hex
        written: dict[str, int] = {}
        for turn in _turns(items):
            before = {row.key: row.revision for row in self._rows.newest(self._set, turn)}
            now_us = self._rows.now_us()
            rows = [Row(text, max(now_us, before.get(text, 0) + 1), writer, items[text] or b"") for text in turn]
            self._rows.append(self._set, rows)
            written |= {row.key: row.revision for row in rows}
            for text in before:
                if self._random.random() < _TRIMMED:  # now and then: no writer has to remember how often a key was written
                    self._rows.trim(self._set, text)
        return written

    def read(self, texts: Sequence[str]) -> Mapping[str, Revised]:
        """What is in force, in one round trip; keys that never had parameters are left out."""
        return {row.key: _revised(row) for row in self._rows.newest(self._set, texts)}

    def history(self, text: str, limit: int = 10) -> Sequence[Revised]:
        """The newest first; the last 100 are kept."""
        return [_revised(row) for row in self._rows.history(self._set, text, limit)]

    def scan(self, after: str = "", limit: int = 1_000) -> Sequence[str]:
        """Keys that have, or had, parameters, those after one of them; go on from the last until none comes."""
        return self._rows.keys(self._set, after, limit)

    def rollback(self, text: str, revision: int | None = None) -> int:
        """Put earlier parameters of a key in force again, as a new revision.

        Args:
            revision: which; by default the one before that in force.
        Raises:
            NotFound: there is no such revision.
        """
        kept = self.history(text, KEPT)
        wanted = kept[1:2] if revision is None else [each for each in kept if each.revision == revision]
        if not wanted:
            there = ", ".join(str(each.revision) for each in kept[:10]) or "none"
            what = "earlier revision" if revision is None else f"revision {revision}"
            raise NotFound(f"key {text} has no {what}; it has {there}")
        return self.write({text: wanted[0].payload})[text]

    def cursor(self) -> str:
        """Where this package's parameters are now. Take it before reading what `changes` is to keep fresh."""
        return f"{self._store}/{self._rows.cursor(self._set)}"

    def mark(self) -> object:
        """Equal to an earlier one only if nothing was written in between, or within a second. Costs less than `changes`."""
        return self._rows.mark()

    def changes(self, since: str, limit: int = 10_000, timeout_s: float = 0.0) -> Moved:
        """Keys that were written since a cursor; waits up to `timeout_s` for a write.

        Never misses a key, may tell one again, and may tell none. `reset` when the cursor says nothing here: then look at
        all that was kept again.
        """
        deadline = deadline_in(timeout_s, self._clock)
        while True:
            mark = self._rows.mark() if timeout_s > 0 else None
            found = self._since(since, limit)
            if found.keys or found.reset or found.more or not self._written_since(mark, deadline):
                return found
            since = found.cursor

    def clear(self) -> None:
        """Remove all, with the history: for packages that nothing refers to any more."""
        self._rows.clear(self._set)

    def _since(self, since: str, limit: int) -> Moved:
        store, _, cursor = since.partition("/")
        if store != self._store:
            return Moved(self.cursor(), (), reset=True)
        found = self._rows.moved(self._set, cursor, limit)
        return Moved(f"{self._store}/{found.cursor}", found.keys, found.reset, found.more)

    def _written_since(self, mark: object, deadline: Deadline) -> bool:
        """Wait until something was written, at most to the deadline or until the store is closed."""
        while (left_s := deadline.left_s(self._clock)) > 0:
            if self._clock.wait(self._closed, min(left_s, self._rows.poll_s)):
                return False
            if self._rows.mark() != mark:
                return True
        return False


def _revised(row: Row) -> Revised:
    return Revised(row.revision, row.payload or None)


def _turns(items: Mapping[str, bytes | None]) -> Iterable[Sequence[str]]:
    """Keys to be written together: bounded in rows and bytes."""
    turn: list[str] = []
    size = 0
    for text, payload in items.items():
        length = len(payload or b"")
        if payload is not None and not 0 < length <= PAYLOAD_BYTES_MAX:
            raise StoreError(f"key {text}: parameters of {length:,} bytes; from 1 to {PAYLOAD_BYTES_MAX:,} are kept")
        if turn and (len(turn) == _TURN_ROWS or size + length > _TURN_BYTES):
            yield turn
            turn, size = [], 0
        turn.append(text)
        size += length
    if turn:
        yield turn
