"""A log in a folder: numbered files, which of two writers each gets its own. It tells whose parameters were written."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from instream.stores.backend import decoded, key_of
from instream.stores.files import sync, write

KEPT = 10_000
"""So many of the newest entries are kept, or up to a thousand more."""

_TURN = 1_000
_KILLED_S = 60.0  # an intention that is older belongs to a writer that was killed, or is very slow
_HEAL_S = 5.0


class Entry(msgspec.Struct, frozen=True):
    """Keys of a set that got rows."""

    place: str
    keys: tuple[str, ...]


class DirectoryLog:
    """Entries from 1 without gaps; the oldest go.

    A writer states its intention first, durably, then writes rows, then makes the intention an entry. So no row is
    there that is never told of: what a killed writer left, another process tells.
    """

    def __init__(self, folder: Path) -> None:
        self._entries = folder / "log"
        self._intended = folder / "intended"
        self._last = 0
        self._healed_s = -math.inf

    def intend(self, intention: str, place: str, keys: Sequence[str]) -> None:
        """State what is going to be written; `intention` is a fresh name."""
        self._intended.mkdir(parents=True, exist_ok=True)
        write(self._intended / intention, msgspec.json.encode(Entry(place, tuple(keys))))
        sync(self._intended)

    def tell(self, intention: str, place: str, keys: Sequence[str]) -> None:
        """Make it the next entry; durable when this returns."""
        try:
            self._append(self._intended / intention)
        except FileNotFoundError:  # somebody took us for dead, and told of rows that were not yet there
            self.intend(intention, place, keys)
            self._append(self._intended / intention)

    def last(self) -> int:
        """The number of the newest entry; 0 when there is none. Now and then also looks after writers that were killed."""
        if time.monotonic() >= self._healed_s + _HEAL_S:
            self._healed_s = time.monotonic()
            self._heal()
        return self._newest()

    def entry(self, number: int) -> Entry | None:
        """None where it is not there (any more)."""
        try:
            return decoded(self._path(number).read_bytes(), Entry, f"entry {number} of the log of parameters")
        except FileNotFoundError:
            return None

    def _append(self, intended: Path) -> None:
        self._entries.mkdir(exist_ok=True)
        number = self._newest() + 1
        while True:
            try:
                os.link(intended, self._path(number))
                break
            except FileExistsError:
                number += 1
        sync(self._entries)
        intended.unlink(missing_ok=True)
        if number % _TURN == 0:
            for old in self._numbers():
                if old > number - KEPT:
                    break
                self._path(old).unlink(missing_ok=True)
            sync(self._entries)

    def _newest(self) -> int:
        while True:
            known = self._last
            if self._there(known + 1):
                self._last = known + 1
            elif self._there(known):  # seen after the look for the next one, which therefore was not removed before it
                return known
            elif numbers := self._numbers():
                self._last = numbers[-1]
            else:
                return 0

    def _heal(self) -> None:
        """Tell what was intended long ago and not told."""
        for left in sorted(self._intended.iterdir()) if self._intended.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):  # another process tells it just now, or its writer
                if left.stat().st_mtime < time.time() - _KILLED_S:
                    self._append(left)

    def _there(self, number: int) -> bool:
        return self._path(number).exists()

    def _numbers(self) -> list[int]:
        try:
            return sorted(int(name) for name in os.listdir(self._entries) if name.isdecimal())
        except FileNotFoundError:
            return []

    def _path(self, number: int) -> Path:
        return self._entries / key_of(number)
