"""A model that starts with its hot keys, from each kind of store, against one question a key."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.keyed.banks import Bank, linear
from benchmarks.keyed.packages import filled, package
from benchmarks.keyed.places import opened
from benchmarks.keyed.verdicts import table, told
from benchmarks.stage import CONSOLE
from instream.keyed import KeyedModel
from instream.keyed.cache import TURN
from instream.package import Package
from instream.stores.parameters import Parameters

_SAMPLE = 300


@dataclass(frozen=True)
class Started:
    """Seconds for all keys; one by one is measured on some.

    Attributes:
        model: read, decoded, proved by their golden rows, in their slots; `loads` the same key by key.
        turns: only read, as many at once as a start does; `reads` key by key.
    """

    model: float
    loads: float
    turns: float
    reads: float


def cold(where: Mapping[str, str], folder: Path, rounds: int, keys: int) -> dict[str, Any]:
    """Seconds until all keys can be scored."""
    bank = linear(keys)
    made = package(bank, folder / "cold", "cold")
    measured: dict[str, list[Started]] = {}
    for kind, url in where.items():
        with CONSOLE.status(f"cold start: {kind}"):
            store = opened(url, folder)
            parameters = filled(bank, store, made)
            measured[kind] = [_started(made, parameters, bank) for _ in range(rounds)]
            parameters.clear()
            store.close()
    verdicts = []
    for kind, found in measured.items():
        verdicts += [
            told(f"{kind}: the model with its keys, s", [each.model for each in found]),
            told(f"{kind}: key by key : that", [each.loads / each.model for each in found], ".1f"),
            told(f"{kind}: reads alone, s", [each.turns for each in found], ".3f"),
            told(f"{kind}: a read a key : that", [each.reads / each.turns for each in found], ".1f"),
        ]
    CONSOLE.print(table(f"Cold start: {keys:,} keys, {rounds} rounds; key by key from {_SAMPLE} keys", verdicts))
    return {"rounds": measured, "verdicts": verdicts}


def _started(made: Package, parameters: Parameters, bank: Bank) -> Started:
    began = time.perf_counter()
    model = KeyedModel(made, parameters, label="cold@1", hot=bank.texts)
    seconds = time.perf_counter() - began
    assert len(model.hot()) == bank.count
    empty = KeyedModel(made, parameters, label="cold@1")._cache
    return Started(
        seconds,
        _each(bank.keys, 1, lambda some: empty.load(some)),
        _each(bank.texts, TURN, parameters.read),
        _each(bank.texts, 1, parameters.read),
    )


def _each(keys: Sequence[str], turn: int, act: Callable[[Sequence[str]], object]) -> float:
    """Seconds for all keys, some at a time; of single ones a sample is measured."""
    taken = keys[:: max(1, len(keys) // _SAMPLE)][:_SAMPLE] if turn == 1 else keys
    began = time.perf_counter()
    for at in range(0, len(taken), turn):
        act(taken[at : at + turn])
    return (time.perf_counter() - began) * len(keys) / len(taken)
