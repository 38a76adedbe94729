"""All parameters that are in force, a page at a time: bounded in bytes, whatever the size of one key's."""

from __future__ import annotations

from collections.abc import Iterator

from instream.stores.parameters import Parameters, Revised

SCANNED = 1_000
_READ_MAX = 500
_READ_MIN = 10  # before it is known how large they are
_READ_BYTES = 8 << 20


def scanned(parameters: Parameters) -> Iterator[str]:
    """Texts of all keys that have, or had, parameters."""
    after = ""
    while page := parameters.scan(after, SCANNED):
        yield from page
        after = page[-1]


def in_force(parameters: Parameters) -> Iterator[tuple[str, Revised]]:
    """Keys in the order of the store, with what each has; those whose parameters were taken away have no payload."""
    turn: list[str] = []
    wanted = _READ_MIN
    for text in scanned(parameters):
        turn.append(text)
        if len(turn) >= wanted:
            found = _read(parameters, turn)
            yield from found
            largest = max((len(each.payload or b"") for _, each in found), default=0)
            turn, wanted = [], min(_READ_MAX, max(1, _READ_BYTES // max(largest, 1)))
    yield from _read(parameters, turn)


def _read(parameters: Parameters, turn: list[str]) -> list[tuple[str, Revised]]:
    """In the order of the keys; without those that were cleared meanwhile."""
    found = parameters.read(turn)
    return [(text, found[text]) for text in turn if text in found]
