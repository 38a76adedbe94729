"""The second pass: every key's parameters in the architecture of all, proved once more there, as payloads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from instream.errors import PackageError
from instream.key import key_of
from instream.keyed.architecture import Architecture, slot_bytes
from instream.keyed.payload import GOLDEN_MAX, Golden, encode
from instream.keyed.trees import Trees
from instream.package import Tolerance
from instream.publishing.keyed.common import Classes, fitted_to, placed_answers
from instream.publishing.keyed.inputs import shown
from instream.publishing.keyed.proof import Answered, require_equal, telling
from instream.publishing.keyed.spool import Entry

_BATCH_KEYS, _BATCH_BYTES = 512, 32 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """What all keys are to fit.

    Attributes:
        features: names, in order.
        tolerance: of the scores.
    """

    architecture: Architecture
    classes: Classes
    features: Sequence[str]
    tolerance: Tolerance


def fit(entries: Iterable[Entry], target: Target, add: Callable[[str, bytes], None]) -> float:
    """Give `add` the text and the payload of each key; returns the largest error.

    Raises:
        ConversionRefused: the parameters of a key do not give there what its original gave.
    """
    size = max(1, min(_BATCH_KEYS, _BATCH_BYTES // slot_bytes(target.architecture)))
    arena = target.architecture.arena(size)
    worst = 0.0
    for batch in _batches(entries, size):
        given = [answers_in(target, entry) for entry in batch]
        tensors = [fitted_to(entry.found, target.architecture, target.classes) for entry in batch]
        for slot, each in enumerate(tensors):
            arena.put(slot, each)
        counts = [len(each.rows) for each in given]
        scores = arena.score(np.concatenate([each.rows for each in given]), np.repeat(np.arange(len(batch)), counts))
        ends = np.cumsum(counts)
        for entry, own, each, end in zip(batch, given, tensors, ends.tolist(), strict=True):
            try:
                worst = max(worst, require_equal(own, scores[end - len(own.rows) : end], target.features, target.tolerance))
                golden = telling(own, GOLDEN_MAX)
                add(entry.text, encode(target.architecture, target.features, each, Golden(golden.rows, golden.scores)))
            except PackageError as error:
                raise type(error)(f"{named(entry.text)}: {error}") from error
    return worst


def answers_in(target: Target, entry: Entry) -> Answered:
    """The original's answers with all classes; without rows that have missing values where some key takes none."""
    rows, scores = entry.answered.rows, placed_answers(entry.answered.scores, entry.found.classes, target.classes)
    if isinstance(target.architecture, Trees) and target.architecture.missing:
        return Answered(rows, scores)
    whole = ~np.isnan(rows).any(axis=1)
    return Answered(rows[whole], scores[whole])


def named(text: str) -> str:
    """Whose parameters, for messages; the default model has no text."""
    return f"key {shown(key_of(text))}" if text else "the default model"


def _batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
