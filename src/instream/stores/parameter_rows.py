"""What a database must offer to keep the parameters of keyed models: rows that are only ever added, and what was added since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

KEPT = 100
"""So many of the newest rows of a key are kept."""


class Row(NamedTuple):
    """What one writer gave one key. Of a key's rows the greatest (revision, writer) is in force.

    Attributes:
        key: the canonical text, see instream.key.
        revision: microseconds of the store's clock, or more where a row with a greater one was there.
        writer: of two who wrote at once, the greater wins whole.
        payload: empty where the key was taken away.
    """

    key: str
    revision: int
    writer: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Moved:
    """Keys that got a row since a cursor; may name a key again that did not.

    Attributes:
        cursor: where to go on from.
        reset: the old cursor says nothing here; whatever was kept must be looked at again.
        more: what was written before this was asked is not all told.
    """

    cursor: str
    keys: tuple[str, ...]
    reset: bool = False
    more: bool = False


class ParameterRows(Protocol):
    """Rows by set (the digest of a package) and key. Thread-safe.

    A row that was appended is durable, is read by every process from then on, and is told by `moved` to every cursor
    that was taken before.
    """

    @property
    def poll_s(self) -> float:
        """How often it is reasonable to ask for `mark` while somebody waits; may change from call to call."""
        ...

    def now_us(self) -> int:
        """The store's clock, Unix time in microseconds; one clock for all writers."""
        ...

    def append(self, place: str, rows: Sequence[Row]) -> None:
        """Add rows, each whole; one that is there already (key, revision, writer) stays. Again after a failure: no harm."""
        ...

    def newest(self, place: str, keys: Sequence[str]) -> list[Row]:
        """The row in force of each key that has one, in any order; one round trip."""
        ...

    def history(self, place: str, key: str, limit: int) -> list[Row]:
        """The newest first."""
        ...

    def keys(self, place: str, after: str, limit: int) -> list[str]:
        """Keys that have rows, those after one of them; all are met once by going on from the last. "" is before all."""
        ...

    def trim(self, place: str, key: str) -> None:
        """Remove all but the `KEPT` newest rows of a key."""
        ...

    def clear(self, place: str) -> None:
        """Remove every row of a set; need not be atomic."""
        ...

    def cursor(self, place: str) -> str:
        """Where a set is now. Take it before reading what `moved` is to keep fresh."""
        ...

    def moved(self, place: str, since: str, limit: int) -> Moved:
        """What got a row since a cursor, at most `limit` rows' worth; the others next time."""
        ...

    def mark(self) -> object:
        """Equal to an earlier one only if nothing was written in between, or within a second. Costs less than `moved`."""
        ...
