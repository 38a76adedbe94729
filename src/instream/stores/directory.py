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
from urllib.parse import quote, unquote

from pydantic import BaseModel, Field

from instream.errors import StoreError

MARK = "instream-store"
"""A file that says whose folder it is, and the schema in it."""

SCHEMA = "1"
_MAKING = ".making"
_STALE_S = 3_600.0
_NAME_BYTES_MAX = 255


class Settings(BaseModel, extra="forbid", frozen=True):
    """`file:///relative`, `file:////absolute/folder`."""

    path: Path = Field(description="Created when absent; the folder that it is in must exist.")


class DirectoryBackend:
    """A folder for each place. A row is written beside it, made durable, and then linked to its name if that is free."""

    poll_s = 0.1  # to look for changes is to list a folder

    def __init__(self, settings: Settings) -> None:
        self._root = settings.path
        self._closed = False
        with _translated(self._root):
            _created(self._root)

    def insert(self, place: str, key: str, value: bytes) -> bool:
        with self._used():
            target = self._file(place, key)
            making = self._root / _MAKING / uuid.uuid4().hex
            try:
                _write(making, value)
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
            _sync(target.parent)

    def clear(self, place: str) -> None:
        with self._used(), contextlib.suppress(FileNotFoundError):
            gone = self._root / _MAKING / uuid.uuid4().hex
            (self._root / _name(place)).rename(gone)  # first out of sight, in one step
            _sync(self._root)
            shutil.rmtree(gone, ignore_errors=True)

    def mark(self) -> object:
        return object()  # a folder's time moves in steps of milliseconds, and two writes may be within one

    def close(self) -> None:
        self._closed = True

    def _file(self, place: str, key: str) -> Path:
        return self._root / _name(place) / _name(key)

    def _linked(self, making: Path, target: Path) -> bool:
        while True:
            try:
                os.link(making, target)
            except FileExistsError:
                return False
            except FileNotFoundError:  # the place is new, or was cleared just now
                target.parent.mkdir(exist_ok=True)
                _sync(self._root)
            else:
                _sync(target.parent)
                return True

    def _keys(self, place: str) -> list[str]:
        with self._used():
            try:
                return sorted(map(_text, os.listdir(self._root / _name(place))), key=str.encode)
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
        with _translated(self._root):
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
        _write(draft, SCHEMA.encode())
        with contextlib.suppress(FileExistsError):  # another process creates the store just now
            os.link(draft, mark)
        draft.unlink()
        _sync(root)
    if (schema := mark.read_text()) != SCHEMA:
        raise StoreError(f"{root}: a model store with schema {schema[:20]}, this instream knows schema {SCHEMA}; upgrade instream")
    for left in making.iterdir():  # by a process that was killed
        with contextlib.suppress(FileNotFoundError):
            if left.stat().st_mtime < time.time() - _STALE_S:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def _name(text: str) -> str:
    """A file name for any text, one for one; the empty text and those with a dot in front have names of their own."""
    name = quote(text, safe="") or "%"
    name = "%2E" + name[1:] if name.startswith(".") else name
    if len(name) > _NAME_BYTES_MAX:
        raise StoreError(f"{text[:40]!r}… is too long for the name of a file; at most {_NAME_BYTES_MAX} bytes, three for each special one")
    return name


def _text(name: str) -> str:
    return "" if name == "%" else unquote(name)


def _write(path: Path, value: bytes) -> None:
    with path.open("xb") as stream:
        stream.write(value)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    """What `put` has promised survives a power cut: the name too, and not only the bytes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{error.filename or root}: {error.strerror}; {_advice(error)}") from error


def _advice(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the folder that the store is in must exist"
    if isinstance(error, PermissionError):
        return "this user must be able to read and write there"
    return "see that the disk has room and knows hard links"
