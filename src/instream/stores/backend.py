"""What a database must offer to keep models: rows that are inserted when absent. Every rule lives above it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

import msgspec

from instream.errors import StoreError

Row = TypeVar("Row")

_PAGE = 500
_ATTEMPTS = 5


class UnknownResult(StoreError):
    """A write may have happened or not (a timeout): only reading again tells."""


class Backend(Protocol):
    """Rows in named places: (place, key) -> bytes. Thread-safe; no transactions are asked for.

    A place is short ASCII text and is what a database would partition by. Keys are short text, ordered by their
    UTF-8 bytes within a place. Values are 256 KiB at most.

    A write that has returned is durable and is seen by every read, of every process, that starts afterwards (in
    Cassandra: `IF NOT EXISTS`, and reads at SERIAL).

    Attributes:
        poll_s: how often it is reasonable to ask for `mark` while somebody waits for changes.
    """

    poll_s: float

    def insert(self, place: str, key: str, value: bytes) -> bool:
        """Write a row if there is none; False when there is one. Raises UnknownResult when that is not known."""
        ...

    def read(self, place: str, key: str) -> bytes | None: ...

    def rows(self, place: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Rows with a greater key, in the order of keys."""
        ...

    def newest(self, place: str, limit: int) -> list[tuple[str, bytes]]:
        """Rows with the greatest keys, the greatest first."""
        ...

    def delete(self, place: str, key: str) -> None:
        """Remove a row; nothing happens when there is none."""
        ...

    def clear(self, place: str) -> None:
        """Remove every row of a place; need not be atomic."""
        ...

    def mark(self) -> object:
        """Equal to an earlier mark only if nothing was written in between; a fresh object where that is not known."""
        ...

    def close(self) -> None: ...


def absent(where: str) -> StoreError:
    """Of a store that is to be there already: who only reads makes none by a slip of the pen."""
    return StoreError(f"{where}: there is no model store; `instream store init URL` makes one, or correct the URL")


def claim(backend: Backend, place: str, key: str, value: bytes) -> bytes:
    """Insert if absent and return what is kept: the writer has won when that is its own value.

    Comparing values settles an unknown result: if the write arrived after all, the kept value is ours.
    """
    for _ in range(_ATTEMPTS):
        try:
            if backend.insert(place, key, value):
                return value
        except UnknownResult:
            pass  # the read tells, and where it finds nothing the same value is offered again
        if (kept := backend.read(place, key)) is not None:
            return kept
    raise UnknownResult(f"{place}/{key}: the store did not say in {_ATTEMPTS} attempts whether it kept the row; try again")


def scan(backend: Backend, place: str, after: str = "") -> Iterator[tuple[str, bytes]]:
    """All rows of a place, in the order of keys, a page at a time."""
    while page := backend.rows(place, after, _PAGE):
        yield from page
        after = page[-1][0]


def decoded(row: bytes, kind: type[Row], what: str) -> Row:
    """A row as what it is. Raises StoreError, saying what it was to be."""
    try:
        return msgspec.json.decode(row, type=kind)
    except msgspec.MsgspecError as error:
        raise StoreError(f"{what} cannot be read ({error}); upgrade instream, or restore the store from a backup") from error


def key_of(number: int) -> str:
    """A key that is ordered as its number is.

    >>> key_of(7)
    '000000000007'
    """
    return f"{number:012d}"
