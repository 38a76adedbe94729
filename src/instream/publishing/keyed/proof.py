"""Each estimator against its own parameters, while it is at hand: on the sample, at borders of trees, on rows of its scale."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from instream.errors import ConversionRefused
from instream.keyed.linear import Linear
from instream.keyed.link import Array
from instream.keyed.trees import Trees
from instream.package import Tolerance
from instream.publishing.keyed.extracted import Extracted, own_answers
from instream.publishing.keyed.sampled import evenly

_SPLITS = 16
_NULLED = 8
_DOUBTED, _DOUBT = 16, 5.0  # rows, and the greatest difference of two scores there
_SHOWN = 8
_SINGLE_MAX = 3e38  # what float32 holds


@dataclass(frozen=True, slots=True)
class Answered:
    """Rows and what the original gave for them: shapes (n, features) and (n, width), all finite but for NaN in rows."""

    rows: Array
    scores: Array


def proof_rows(found: Extracted, sampled: Array, generated: Array) -> Array:
    """Rows to prove an estimator on: those of the sample, generated ones, where it decides, with missing values where it takes them."""
    base = np.concatenate([sampled, generated])
    parts = [base, _at_splits(found, base), _between_classes(found, base)]
    if isinstance(found.architecture, Trees) and found.architecture.missing:
        nulled = base[evenly(np.arange(len(base)), _NULLED)].copy()
        nulled[np.arange(len(nulled)), np.arange(len(nulled)) % nulled.shape[1]] = np.nan
        parts += [nulled, np.full((1, nulled.shape[1]), np.nan)]
    rows = np.concatenate(parts)
    if isinstance(found.architecture, Trees) and found.architecture.compared == "float32":
        rows = rows[~(np.abs(rows) > _SINGLE_MAX).any(axis=1)]
    return rows


def _at_splits(found: Extracted, base: Array) -> Array:
    """Rows with one value at the threshold of a split, or one step of either type beside it."""
    if not isinstance(found.architecture, Trees):
        return base[:0]
    tensors = found.tensors
    inner = tensors["children"][..., 0] != np.arange(found.architecture.nodes)
    inner &= np.abs(tensors["threshold"]) < _SINGLE_MAX
    chosen = evenly(np.flatnonzero(inner), _SPLITS)
    features, values = tensors["feature"].reshape(-1)[chosen], tensors["threshold"].reshape(-1)[chosen].astype(np.float64)
    single = values.astype(np.float32)
    near = [values, np.nextafter(values, np.inf), np.nextafter(values, -np.inf)]
    near += [np.nextafter(single, np.float32(side)).astype(np.float64) for side in (np.inf, -np.inf)]
    rows = base[np.arange(len(near) * len(chosen)) % len(base)].copy()
    rows[np.arange(len(rows)), np.tile(features, len(near))] = np.concatenate(near)
    return rows


def _between_classes(found: Extracted, base: Array) -> Array:
    """Rows moved to where a linear classifier is in doubt: elsewhere all probabilities may be 0 or 1, which proves little."""
    if not isinstance(found.architecture, Linear) or found.architecture.link == "identity":
        return base[:0]
    rows, (coef, intercept) = base[evenly(np.arange(len(base)), _DOUBTED)], (found.tensors[name] for name in ("coef", "intercept"))
    if found.architecture.link == "softmax":
        coef, intercept = coef - np.roll(coef, 1, axis=0), intercept - np.roll(intercept, 1)
    at = np.arange(len(rows)) % len(coef)
    direction = coef[at]
    lengths = (direction * direction).sum(axis=1)
    some = lengths > 0
    wanted = np.linspace(-_DOUBT, _DOUBT, len(rows))
    scores = (rows * direction).sum(axis=1) + intercept[at]
    moved = rows[some] + ((wanted - scores)[some] / lengths[some])[:, None] * direction[some]
    return np.asarray(moved[np.isfinite(moved).all(axis=1)])


def answered(estimator: Any, rows: Array, classifier: bool) -> tuple[Answered, list[Any] | None]:
    """What the original gives, for rows for which it gives numbers; and the labels of a classifier."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rows without names, for an estimator that was fitted on names
        scores = own_answers(estimator, rows, classifier)
        labels = np.asarray(estimator.predict(rows)) if classifier else None
    finite = np.isfinite(scores).all(axis=1)
    return Answered(rows[finite], scores[finite]), None if labels is None else labels[finite].tolist()


def prove(estimator: Any, found: Extracted, rows: Array, names: Sequence[str], tolerance: Tolerance) -> tuple[Answered, float]:
    """What the original gave for the rows, and the largest error of its parameters there.

    Raises:
        ConversionRefused: one is more than half of the tolerance off, or a label is another; shows the row.
    """
    given, labels = answered(estimator, rows, found.classes is not None)
    arena = found.architecture.arena(1)
    arena.put(0, found.tensors)
    scores = arena.score(given.rows, np.zeros(len(given.rows), np.intp))
    error = require_equal(given, scores, names, tolerance)
    if labels is not None and found.classes is not None:
        top = np.sort(given.scores, axis=1)[:, -2:]
        for row in np.flatnonzero((top[:, -1] - top[:, 0] >= 2 * tolerance.atol) | (top.shape[1] < 2)).tolist():
            if (got := found.classes[scores[row].argmax()]) != labels[row]:
                raise ConversionRefused(f"{values_of(given.rows[row], names)}: expected the label {labels[row]!r}, got {got!r}")
    return given, error


def require_equal(given: Answered, scores: Array, names: Sequence[str], tolerance: Tolerance) -> float:
    """The largest error. Raises ConversionRefused where one is more than half of what the tolerance allows."""
    if scores.shape != given.scores.shape:
        raise ConversionRefused(f"it gives {given.scores.shape[1:]} values a row; its parameters give {scores.shape[1:]}")
    if not scores.size:
        return 0.0
    error, allowed = np.abs(scores - given.scores), tolerance.allowed(given.scores) / 2
    well = error <= allowed
    if not well.all():
        multiple = np.where(well, 0.0, np.nan_to_num(error, nan=np.inf) / np.maximum(allowed, 1e-300))
        row, column = np.unravel_index(int(multiple.argmax()), multiple.shape)
        expected, got = float(given.scores[row, column]), float(scores[row, column])
        raise ConversionRefused(
            f"{values_of(given.rows[row], names)}: expected {expected:.10g}, got {got:.10g}, allowed {allowed[row, column]:.3g}"
        )
    return float(error.max())


def values_of(row: Array, names: Sequence[str]) -> str:
    """A row in messages."""
    pairs = [f"{name}={value!r}" for name, value in zip(names, row.tolist(), strict=True)]
    return ", ".join(pairs[:_SHOWN]) + (", …" if len(pairs) > _SHOWN else "")


def telling(given: Answered, count: int) -> Answered:
    """At most so many of the rows, with outputs as different as can be."""
    if len(given.rows) <= count:
        return given
    order = np.lexsort((given.scores[:, 0], given.scores.argmax(axis=1)))
    changed = np.ones(len(order), bool)
    changed[1:] = (given.scores[order[1:]] != given.scores[order[:-1]]).any(axis=1)
    distinct = evenly(order[changed], count)
    others = evenly(np.setdiff1d(order, distinct), count - len(distinct))
    chosen = np.sort(np.concatenate([distinct, others]))
    return Answered(given.rows[chosen], given.scores[chosen])
