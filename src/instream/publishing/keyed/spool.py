"""Files between the passes over the keys, so that memory holds a few models whatever their number is."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import msgspec
import numpy as np

from instream.keyed.architecture import Architecture
from instream.keyed.link import Array
from instream.publishing.keyed.extracted import Class, Extracted
from instream.publishing.keyed.proof import Answered

DEFAULT = ""
"""The text of the default model, which no key has."""

_LENGTH = struct.Struct("<Q")


class Entry(msgspec.Struct, frozen=True):
    """A key's canonical text, what its estimator has learnt, and rows with what it gave."""

    text: str
    found: Extracted
    answered: Answered


class _Tensor(msgspec.Struct, array_like=True):
    dtype: str
    shape: tuple[int, ...]
    data: bytes


class _Written(msgspec.Struct, array_like=True):
    text: str
    architecture: Architecture
    tensors: dict[str, _Tensor]
    classes: tuple[Class, ...] | None
    rows: _Tensor
    scores: _Tensor


class Spool:
    """Entries in the order in which they were added; read once all are there."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Written).decode

    def add(self, entry: Entry) -> None:
        tensors = {name: _tensor(tensor) for name, tensor in entry.found.tensors.items()}
        rows, scores = _tensor(entry.answered.rows), _tensor(entry.answered.scores)
        data = self._encode(_Written(entry.text, entry.found.architecture, tensors, entry.found.classes, rows, scores))
        self._file.write(_LENGTH.pack(len(data)))
        self._file.write(data)

    def __iter__(self) -> Iterator[Entry]:
        self._file.seek(0)
        while head := self._file.read(_LENGTH.size):
            read = self._decode(self._file.read(_LENGTH.unpack(head)[0]))
            tensors = {name: _array(tensor) for name, tensor in read.tensors.items()}
            found = Extracted(read.architecture, tensors, read.classes)
            yield Entry(read.text, found, Answered(_array(read.rows), _array(read.scores)))

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


class Payloads(Mapping[str, bytes]):
    """Bytes by text in a file; iterated in the order of the texts, whatever the order of adding was."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._places: dict[str, tuple[int, int]] = {}
        self._end = 0

    def add(self, text: str, payload: bytes) -> None:
        self._file.seek(self._end)
        self._file.write(payload)
        self._places[text] = (self._end, len(payload))
        self._end += len(payload)

    def __getitem__(self, text: str) -> bytes:
        start, length = self._places[text]
        self._file.seek(start)
        return self._file.read(length)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._places))

    def __len__(self) -> int:
        return len(self._places)

    def __enter__(self) -> Payloads:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


def _tensor(array: Array) -> _Tensor:
    return _Tensor(array.dtype.str, array.shape, array.tobytes())


def _array(tensor: _Tensor) -> Array:
    return np.frombuffer(tensor.data, tensor.dtype).reshape(tensor.shape)
