"""A folder, a file for each row: for a store that other tools look at, copy and keep."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, Field

from instream.errors import StoreError
from instream.stores.backend import absent
from instream.stores.directory_parameters import DirectoryParameters
from instream.stores.files import name_of, sync, text_of, translated, write

MARK = "instream-store"
"""A file that says whose folder it is, and the schema in it."""

SCHEMA = "1"
PARAMETERS = "parameters"
"""Where those of keyed models are; no place of other rows is called so."""

_MAKING = ".making"
_STALE_S = 3_600.0


class Settings(BaseModel, extra="forbid", frozen=True):
    """`file:///relative`, `file:////absolute/folder`."""

    path: Path = Field(description="The folder that it is in must exist.")
    create: bool = Field(True, description="Make it where it is absent.")


class DirectoryBackend:
    """A folder for each place. A row is written beside it, made durable, and then linked to its name if that is free."""

    poll_s = 0.1  # to look for changes is to list a folder

    def __init__(self, settings: Settings) -> None:
        self._root = settings.path
        self._closed = False
        with translated(self._root):
            if not settings.create and not (self._root / MARK).exists():
                raise absent(f"{self._root}")
            _created(self._root)
        self.parameters = DirectoryParameters(self._root / PARAMETERS, self._root / _MAKING, self._used)

    def insert(self, place: str, key: str, value: bytes) -> bool:
        with self._used():
            target = self._file(place, key)
            making = self._root / _MAKING / uuid.uuid4().hex
            try:
                write(making, value)
                return self._linked(making, target)
            finally:
                making.unlink(missing_ok=True)

    def read(self, place: str, key: str) -> bytes | None:
        with self._used():
            try:
                return self._file(place, key).read_bytes()
            except FileNotFoundError:
                return None

    def rows(self, place: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        keys = [key for key in self._keys(place) if key.encode() > after.encode()]
        return self._read(place, keys, limit)

    def newest(self, place: str, limit: int) -> list[tuple[str, bytes]]:
        return self._read(place, self._keys(place)[::-1], limit)

    def delete(self, place: str, key: str) -> None:
        with self._used(), contextlib.suppress(FileNotFoundError):
            target = self._file(place, key)
            target.unlink()
            sync(target.parent)

    def clear(self, place: str) -> None:
        with self._used(), contextlib.suppress(FileNotFoundError):
            gone = self._root / _MAKING / uuid.uuid4().hex
            (self._root / name_of(place)).rename(gone)  # first out of sight, in one step
            sync(self._root)
            shutil.rmtree(gone, ignore_errors=True)

    def mark(self) -> object:
        return object()  # a folder's time moves in steps of milliseconds, and two writes may be within one

    def close(self) -> None:
        self._closed = True

    def _file(self, place: str, key: str) -> Path:
        return self._root / name_of(place) / name_of(key)

    def _linked(self, making: Path, target: Path) -> bool:
        while True:
            try:
                os.link(making, target)
            except FileExistsError:
                return False
            except FileNotFoundError:  # the place is new, or was cleared just now
                target.parent.mkdir(exist_ok=True)
                sync(self._root)
            else:
                sync(target.parent)
                return True

    def _keys(self, place: str) -> list[str]:
        with self._used():
            try:
                return sorted(map(text_of, os.listdir(self._root / name_of(place))), key=str.encode)
            except FileNotFoundError:
                return []

    def _read(self, place: str, keys: list[str], limit: int) -> list[tuple[str, bytes]]:
        """The first of these rows that are still there."""
        found: list[tuple[str, bytes]] = []
        for key in keys:
            if len(found) == limit:
                break
            if (value := self.read(place, key)) is not None:
                found.append((key, value))
        return found

    @contextmanager
    def _used(self) -> Iterator[None]:
        if self._closed:
            raise StoreError(f"{self._root}: the store is closed in this process; open it again")
        with translated(self._root):
            yield


def backend_of(where: str, options: dict[str, str], folder: Path) -> DirectoryBackend:
    """Open or create the folder; a relative path starts from `folder`."""
    if not where.startswith("/") or where == "/":
        raise StoreError(f"file://{where}: expected file:///relative or file:////absolute/folder")
    return DirectoryBackend(Settings.model_validate({"path": folder / where[1:], **options}))


def _created(root: Path) -> None:
    """Refuse a folder of something else, before anything is written to it."""
    root.mkdir(exist_ok=True)
    mark = root / MARK
    if not mark.exists() and any(each.name not in (MARK, _MAKING) for each in root.iterdir()):
        raise StoreError(f"{root}: a folder, but not a model store; name another one, it is created when absent")
    making = root / _MAKING
    making.mkdir(exist_ok=True)
    if not mark.exists():
        draft = making / uuid.uuid4().hex
        write(draft, SCHEMA.encode())
        with contextlib.suppress(FileExistsError):  # another process creates the store just now
            os.link(draft, mark)
        draft.unlink()
        sync(root)
    if (schema := mark.read_text()) != SCHEMA:
        raise StoreError(f"{root}: a model store with schema {schema[:20]}, this instream knows schema {SCHEMA}; upgrade instream")
    for left in making.iterdir():  # by a process that was killed
        with contextlib.suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - _STALE_S:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
