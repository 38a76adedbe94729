"""Sets of parameters beside their packages: written before the package, collected when nothing refers to it any more."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

import msgspec

from instream.flow import points
from instream.flow.clock import Clock
from instream.flow.deadline import deadline_in
from instream.stores.backend import Backend, claim, decoded, scan
from instream.stores.copies import Upload
from instream.stores.in_force import scanned
from instream.stores.parameters import Parameters

SETS = "parameter-sets"
"""Who began to write which set (an id -> Upload). Its entry stays as long as the set does, or it could not be found."""

CLEARING = "parameter-sets-cleared"
"""The digests that a collector is at."""

_CLEARED_S, _LOOK_S = 60.0, 0.05
_TURN = 500

Told = Callable[[int], None]
"""Told how many keys of a set are there."""


def register(backend: Backend, name: str, digest: str, at_ms: int) -> None:
    """Before anything is written: what a killed publisher leaves is collected a day after this."""
    claim(backend, SETS, uuid.uuid4().hex, msgspec.json.encode(Upload(name, digest, at_ms)))
    points.reached("publishing")


def fill(parameters: Parameters, items: Mapping[str, bytes], told: Told = lambda done: None) -> None:
    """Write the keys that have no revision yet, so that doing it again changes nothing, and an interrupted one goes on.

    Args:
        items: may read each payload from a disk when it is asked for.
    """
    there = set(scanned(parameters))
    absent = (text for text in items if text not in there)
    done = len(items) - sum(text not in there for text in items)
    told(done)
    while turn := list(islice(absent, _TURN)):
        parameters.write(_Some(items, turn))
        points.reached("publishing")
        done += len(turn)
        told(done)


class _Some(Mapping[str, bytes | None]):
    """Some of a mapping's items, still read one by one."""

    def __init__(self, items: Mapping[str, bytes], texts: list[str]) -> None:
        self._items = items
        self._texts = texts

    def __getitem__(self, text: str) -> bytes:
        return self._items[text]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def settled(backend: Backend, digest: str, clock: Clock, closed: threading.Event) -> None:
    """Return when nobody clears a set any more; called once its package has a number.

    A collector that was killed leaves its mark for ever, so the wait has an end.
    """
    deadline = deadline_in(_CLEARED_S, clock)
    while backend.read(CLEARING, digest) is not None and deadline.left_s(clock) > 0:
        if clock.wait(closed, _LOOK_S):
            return


def collect_sets(backend: Backend, clear: Callable[[str], None], wanted: Callable[[Upload], bool], before_ms: int) -> int:
    """Clear the sets that nothing refers to and nobody began to write since; returns how many.

    A publisher that takes up an old set while it is cleared here is not lost: it looks for our mark after it has claimed
    its number, and we look for the number after we have set the mark. One of us sees.
    """
    entries: dict[str, list[tuple[str, Upload]]] = {}
    for key, row in scan(backend, SETS):
        entry = decoded(row, Upload, "an entry of the parameter sets")
        entries.setdefault(entry.digest, []).append((key, entry))
    cleared = 0
    for digest, own in entries.items():
        *older, (key, entry) = sorted(own, key=lambda each: each[1].at_ms)
        for other, _ in older:  # the last who began to write it tells how old it is
            backend.delete(SETS, other)
        if entry.at_ms > before_ms or wanted(entry):
            continue
        claim(backend, CLEARING, digest, b"")
        if wanted(entry):
            backend.delete(CLEARING, digest)
            continue
        clear(digest)
        backend.delete(CLEARING, digest)
        backend.delete(SETS, key)  # last, so that what was cut short is taken up again
        cleared += 1
    return cleared
