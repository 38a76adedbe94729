"""What a worker is working on, readable after it was killed: a small file that both sides map."""

from __future__ import annotations

import mmap
from pathlib import Path

import msgspec

_SLOT_BYTES = 1 << 14
_HEADER_BYTES = 8


class Flight(msgspec.Struct, frozen=True):
    """What was being scored, and by what.

    Attributes:
        ranges: per "topic/partition", the first and the last offset.
    """

    model: str = ""
    head: int = 0
    versions: tuple[int, ...] = ()
    ranges: dict[str, tuple[int, int]] = {}


class Recorder:
    """The worker's side. Two slots in turn: a kill in the middle of a write leaves the other one whole."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._turn = 0

    def note(self, flight: Flight) -> None:
        """Costs a few microseconds; called once a batch."""
        encoded = msgspec.json.encode(flight)
        if len(encoded) > _SLOT_BYTES - 4:  # hundreds of partitions in flight: which ones is then no help
            encoded = msgspec.json.encode(msgspec.structs.replace(flight, ranges={}))
        self._turn ^= 1
        start = _HEADER_BYTES + self._turn * _SLOT_BYTES
        self._map[start : start + 4 + len(encoded)] = len(encoded).to_bytes(4, "little") + encoded
        self._map[0] = 1 + self._turn


def make(path: Path) -> None:
    """An empty one, for a worker to come."""
    path.write_bytes(bytes(_HEADER_BYTES + 2 * _SLOT_BYTES))


def read(path: Path) -> Flight:
    """What was noted last; empty when nothing was."""
    content = path.read_bytes()
    if content[0] == 0:
        return Flight()
    start = _HEADER_BYTES + (content[0] - 1) * _SLOT_BYTES
    length = int.from_bytes(content[start : start + 4], "little")
    return msgspec.json.decode(content[start + 4 : start + 4 + length], type=Flight)
