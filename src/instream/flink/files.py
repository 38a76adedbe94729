"""Files where checkpoints are, through Flink's own file systems: a folder here, or whatever URL Flink knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyflink.java_gateway import get_gateway


@dataclass(frozen=True, slots=True)
class Entry:
    """What is in a folder; `at_ms` is when it was last written."""

    url: str
    name: str
    is_folder: bool
    at_ms: int


def entries(url: str) -> Iterator[Entry]:
    """What a folder has; nothing where there is none."""
    files, path = _place(url)
    if not files.exists(path):
        return
    for found in files.listStatus(path) or ():
        where = found.getPath()
        yield Entry(where.toUri().toString(), where.getName(), found.isDir(), found.getModificationTime())


def time_ms(url: str) -> int | None:
    """When a file was last written; None where there is none."""
    files, path = _place(url)
    return int(files.getFileStatus(path).getModificationTime()) if files.exists(path) else None


def read(url: str) -> bytes:
    """A whole file, which is small."""
    files, path = _place(url)
    stream = files.open(path)
    try:
        return bytes(stream.readAllBytes())
    finally:
        stream.close()


def write(url: str, content: bytes) -> None:
    """Replace a file."""
    files, path = _place(url)
    modes = get_gateway().jvm.org.apache.flink.core.fs.FileSystem.WriteMode
    stream = files.create(path, modes.OVERWRITE)
    try:
        stream.write(content)
    finally:
        stream.close()


def delete(url: str) -> None:
    """A file, or a folder with all that is in it."""
    files, path = _place(url)
    files.delete(path, True)


def _place(url: str) -> tuple[Any, Any]:
    jvm = get_gateway().jvm
    path = jvm.org.apache.flink.core.fs.Path(url)
    return path.getFileSystem(), path
