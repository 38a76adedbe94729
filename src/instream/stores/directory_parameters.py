"""Parameters in a folder: a folder for each key, a file for each of its rows, and a log of whose were written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote, unquote

from instream.errors import StoreError
from instream.stores.directory_log import DirectoryLog
from instream.stores.files import NAME_BYTES_MAX, name_of, sync, write
from instream.stores.parameter_rows import KEPT, Moved, Row

_ROWS = "rows"
_LONG = "%%"  # no other name begins so
_ATTEMPTS = 20
_KEY = "key"
"""In the folder of a key whose text is too long for a name: the text."""


class DirectoryParameters:
    """Satisfies ParameterRows. `rows/SET/KEY/REVISION-WRITER` has a payload; it is made durable, then linked to its name.

    Args:
        folder: made when parameters are written for the first time.
        making: where files are before they have their names.
        used: translates what the system raises, and raises when the store is closed.
    """

    poll_s = 0.1  # two looks whether a file is there

    def __init__(self, folder: Path, making: Path, used: Callable[[], AbstractContextManager[None]]) -> None:
        self._folder = folder
        self._making = making
        self._used = used
        self._log = DirectoryLog(folder)

    def now_us(self) -> int:
        return time.time_ns() // 1_000  # one machine, one clock

    def append(self, place: str, rows: Sequence[Row]) -> None:
        if not rows:
            return
        intention, keys = uuid.uuid4().hex, [row.key for row in rows]
        with self._used():
            self._log.intend(intention, place, keys)
            for row in rows:
                self._keep(place, row)
            folders = {self._key(place, key) for key in keys}
            for folder in (*folders, self._set(place)):
                with contextlib.suppress(FileNotFoundError):  # the set was cleared just now
                    sync(folder)
            self._log.tell(intention, place, keys)

    def newest(self, place: str, keys: Sequence[str]) -> list[Row]:
        return [row for key in keys for row in self.history(place, key, 1)]

    def history(self, place: str, key: str, limit: int) -> list[Row]:
        with self._used():
            folder = self._key(place, key)
            while True:
                try:
                    kept = sorted(_ranks(folder), reverse=True)[:limit]
                    return [Row(key, revision, writer, (folder / _row(revision, writer)).read_bytes()) for revision, writer in kept]
                except FileNotFoundError:
                    if not folder.is_dir():
                        return []  # else a row was trimmed between the two looks

    def keys(self, place: str, after: str, limit: int) -> list[str]:
        """A page costs a look at the names of all keys."""
        with self._used():
            try:
                texts = sorted(text for name in os.listdir(self._set(place)) if (text := self._text(place, name)) > after)
            except FileNotFoundError:
                return []
            found: list[str] = []
            for text in texts:
                if len(found) == limit:
                    break
                with contextlib.suppress(FileNotFoundError):
                    if _ranks(self._key(place, text)):  # else its first writer was killed
                        found.append(text)
            return found

    def trim(self, place: str, key: str) -> None:
        with self._used(), contextlib.suppress(FileNotFoundError):
            folder = self._key(place, key)
            for revision, writer in sorted(_ranks(folder), reverse=True)[KEPT:]:
                (folder / _row(revision, writer)).unlink(missing_ok=True)

    def clear(self, place: str) -> None:
        with self._used(), contextlib.suppress(FileNotFoundError):
            gone = self._making / uuid.uuid4().hex
            self._set(place).rename(gone)  # first out of sight, in one step
            sync(self._folder / _ROWS)
            shutil.rmtree(gone, ignore_errors=True)

    def cursor(self, place: str) -> str:
        with self._used():
            return f"{self._log.last()}"

    def moved(self, place: str, since: str, limit: int) -> Moved:
        """A cursor is a number of the log, and how many keys of the entry after it were told."""
        with self._used():
            number, _, told = since.partition(":")
            last = self._log.last()
            if not number.isdecimal() or not (told or "0").isdecimal() or int(number) > last:  # another folder, or a backup of this one
                return Moved(f"{last}", (), reset=True)
            at, offset, keys = int(number), int(told or 0), dict[str, None]()
            while at < last and len(keys) < limit:
                if (entry := self._log.entry(at + 1)) is None:  # older than what is kept
                    return Moved(f"{last}", (), reset=True)
                some = entry.keys[offset : offset + limit - len(keys)] if entry.place == place else ()
                keys |= dict.fromkeys(some)
                whole = entry.place != place or offset + len(some) >= len(entry.keys)
                at, offset = (at + 1, 0) if whole else (at, offset + len(some))
            return Moved(f"{at}:{offset}" if offset else f"{at}", tuple(keys), more=at < last)

    def mark(self) -> object:
        with self._used():
            return self._log.last()

    def _keep(self, place: str, row: Row) -> None:
        folder, making = self._key(place, row.key), self._making / uuid.uuid4().hex
        try:
            write(making, row.payload)
            for _ in range(_ATTEMPTS):
                try:
                    with contextlib.suppress(FileExistsError):
                        os.link(making, folder / _row(row.revision, row.writer))
                    return
                except FileNotFoundError:  # the key is new, or the set was cleared just now
                    self._new(folder, row.key)
        finally:
            making.unlink(missing_ok=True)
        raise StoreError(f"{folder}: removed {_ATTEMPTS} times while a row was written; see who clears it")

    def _new(self, folder: Path, key: str) -> None:
        """Make the folder of a key; the text of a long one comes into it before its first row."""
        for above in (self._folder, self._folder / _ROWS, folder.parent):
            if not above.is_dir():
                above.mkdir(exist_ok=True)
                sync(above.parent)
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            folder.mkdir(exist_ok=True)
            if folder.name.startswith(_LONG):
                making = self._making / uuid.uuid4().hex
                write(making, key.encode())
                making.rename(folder / _KEY)  # over an equal one

    def _set(self, place: str) -> Path:
        return self._folder / _ROWS / name_of(place)

    def _key(self, place: str, key: str) -> Path:
        name = quote(key, safe="")
        return self._set(place) / (name if len(name) <= NAME_BYTES_MAX else _LONG + hashlib.sha256(key.encode()).hexdigest())

    def _text(self, place: str, name: str) -> str:
        """The key that has a folder; "" where its writer has not come to say so yet."""
        if not name.startswith(_LONG):
            return unquote(name)
        with contextlib.suppress(FileNotFoundError):
            return (self._set(place) / name / _KEY).read_text(encoding="utf-8")
        return ""


def _row(revision: int, writer: str) -> str:
    return f"{revision:020d}-{quote(writer, safe='')}"


def _ranks(folder: Path) -> list[tuple[int, str]]:
    """Revision and writer of each row of a key."""
    parts = [name.partition("-") for name in os.listdir(folder) if name != _KEY]
    return [(int(revision), unquote(writer)) for revision, _, writer in parts]
