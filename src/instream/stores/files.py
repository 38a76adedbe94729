"""Files that survive a power cut, and names for them: what a store in a folder is made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

from instream.errors import StoreError

NAME_BYTES_MAX = 255


def name_of(text: str) -> str:
    """A file name for any text, one for one; the empty text and those with a dot in front have names of their own."""
    name = quote(text, safe="") or "%"
    name = "%2E" + name[1:] if name.startswith(".") else name
    if len(name) > NAME_BYTES_MAX:
        raise StoreError(f"{text[:40]!r}… is too long for the name of a file; at most {NAME_BYTES_MAX} bytes, three for each special one")
    return name


def text_of(name: str) -> str:
    """The text that has this name."""
    return "" if name == "%" else unquote(name)


def write(path: Path, value: bytes) -> None:
    """Make a file, durable when this returns; its name is not, see `sync`."""
    with path.open("xb") as stream:
        stream.write(value)
        stream.flush()
        os.fsync(stream.fileno())


def sync(folder: Path) -> None:
    """What `put` has promised survives a power cut: the name too, and not only the bytes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translated(root: Path) -> Iterator[None]:
    """What the system says, as StoreError."""
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
