"""Who scores a batch of mixed keys: instream, bare arithmetic, and the loops that people write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.keyed.banks import KEY, Bank
from benchmarks.keyed.batches import Batch
from instream.keyed import KeyedModel
from instream.keyed.link import Array

Score = Callable[[Batch], Array]


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the table.

    Attributes:
        score: predictions of a batch, shape (n,).
        batches: at most so many of them are scored in a round.
    """

    name: str
    about: str
    score: Score
    batches: int


def ours(model: KeyedModel) -> Score:
    """Arrow columns to Arrow columns, with stamps, as a worker has it."""
    return lambda batch: np.asarray(model.answer(batch.columns).outputs.column("prediction"))


def scorer(model: KeyedModel) -> Score:
    """The same without what comes before and after: a key column and a matrix to scores."""
    inner = model._scorer

    def score(batch: Batch) -> Array:
        scores: Array = inner.score([batch.columns.column(KEY)], batch.rows, None).scores[:, 0]
        return scores

    return score


def bare(bank: Bank) -> Score:
    """What nobody can do without: weights of integer slots are gathered, and multiplied."""
    coef, intercept = bank.tensors["coef"][:, 0], bank.tensors["intercept"][:, 0]

    def score(batch: Batch) -> Array:
        scores: Array = np.einsum("nf,nf->n", batch.rows, coef[batch.numbers]) + intercept[batch.numbers]
        return scores

    return score


def loop(bank: Bank) -> Score:
    """Weights in one matrix, and a row after the other."""
    coef, intercept, places = bank.tensors["coef"][:, 0], bank.tensors["intercept"][:, 0], _places(bank)

    def score(batch: Batch) -> Array:
        rows = _matrix(batch)
        scores = np.empty(len(rows))
        for at, key in enumerate(batch.columns.column(KEY).to_pylist()):
            place = places[key]
            scores[at] = rows[at] @ coef[place] + intercept[place]
        return scores

    return score


def groups(bank: Bank) -> Score:
    """Weights in one matrix, and a key after the other."""
    coef, intercept, places = bank.tensors["coef"][:, 0], bank.tensors["intercept"][:, 0], _places(bank)

    def predict(key: str, rows: Array) -> Array:
        predicted: Array = rows @ coef[places[key]] + intercept[places[key]]
        return predicted

    return lambda batch: _grouped(batch, predict)


def estimators(bank: Bank, models: Sequence[Any]) -> Score:
    """A dict of fitted scikit-learn models; one `predict` for all rows of a key."""
    held = dict(zip(bank.keys, models, strict=True))
    return lambda batch: _grouped(batch, lambda key, rows: held[key].predict(rows))


def _grouped(batch: Batch, predict: Callable[[str, Array], Array]) -> Array:
    rows = _matrix(batch)
    of_key: dict[str, list[int]] = {}
    for at, key in enumerate(batch.columns.column(KEY).to_pylist()):
        of_key.setdefault(key, []).append(at)
    scores = np.empty(len(rows))
    for key, places in of_key.items():
        scores[places] = predict(key, rows[places])
    return scores


def _matrix(batch: Batch) -> Array:
    return np.column_stack([column.to_numpy() for column in batch.columns.columns[1:]])


def _places(bank: Bank) -> Mapping[str, int]:
    return {key: number for number, key in enumerate(bank.keys)}
