"""Parameters from one store to another; each key gets new revisions, by the clock of its new store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from instream.stores.in_force import in_force, scanned
from instream.stores.parameter_rows import KEPT
from instream.stores.parameters import Parameters

Payload = bytes | None
_KEYS = 500
_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Done:
    """How many keys were looked at, and how many of them the target did not have so."""

    keys: int
    written: int


def copy_parameters(source: Parameters, target: Parameters, history: bool, told: Callable[[int], None]) -> Done:
    """Give each key of the target what it has in the source; where it is so already, nothing is written.

    Args:
        history: all kept revisions, in their order, instead of the newest.
        told: how many keys are done, now and then.
    """
    keys = written = 0
    for turn in _turns(_histories(source) if history else ((text, [found.payload]) for text, found in in_force(source))):
        missing = _past(target, turn) if history else _newest(target, turn)
        for step in range(max(map(len, missing.values()))):
            target.write({text: payloads[step] for text, payloads in missing.items() if step < len(payloads)})
        keys += len(turn)
        written += sum(map(bool, missing.values()))
        told(keys)
    return Done(keys, written)


def _histories(source: Parameters) -> Iterator[tuple[str, list[Payload]]]:
    """The oldest first."""
    return ((text, [each.payload for each in reversed(source.history(text, KEPT))]) for text in scanned(source))


def _turns(given: Iterable[tuple[str, list[Payload]]]) -> Iterator[dict[str, list[Payload]]]:
    """Keys to be looked at together: bounded in number and bytes."""
    turn: dict[str, list[Payload]] = {}
    size = 0
    for text, payloads in given:
        turn[text] = payloads
        size += sum(len(payload or b"") for payload in payloads)
        if len(turn) == _KEYS or size > _BYTES:
            yield turn
            turn, size = {}, 0
    if turn:
        yield turn


def _newest(target: Parameters, turn: Mapping[str, list[Payload]]) -> dict[str, list[Payload]]:
    """What has to be written of each key; nothing where it is in force, or where neither has anything."""
    there = target.read(list(turn))
    return {text: [] if payloads[-1] == (there[text].payload if text in there else None) else payloads for text, payloads in turn.items()}


def _past(target: Parameters, turn: Mapping[str, list[Payload]]) -> dict[str, list[Payload]]:
    """The same for histories: what comes after that with which the target's ends. Nothing that is in force is ever taken back."""
    missing = {}
    for text, payloads in turn.items():
        there = [each.payload for each in reversed(target.history(text, KEPT))]
        same = next(count for count in range(len(payloads), -1, -1) if there[len(there) - count :] == payloads[:count])
        missing[text] = [] if there[-1:] == payloads[-1:] else payloads[same:]
    return missing
