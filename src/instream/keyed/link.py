"""What happens to the scores of a row last: nothing, or they become probabilities."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from instream.errors import PackageError

Array = npt.NDArray[Any]
Slots = npt.NDArray[np.intp]
Link = Literal["identity", "logistic", "softmax"]
Float = Literal["float32", "float64"]


def linked(scores: Array, link: Link) -> Array:
    """Probabilities of scores.

    Args:
        scores: shape (n, outputs); one output for logistic.
        link: identity leaves them as they are.
    Returns:
        Shape (n, outputs), or (n, 2) for logistic.
    """
    if link == "identity":
        return scores
    if link == "logistic":
        positive = logistic(scores[:, 0])
        return np.stack([logistic(-scores[:, 0]), positive], axis=1)
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def width(outputs: int, link: Link) -> int:
    """Columns of the answer."""
    return 2 if link == "logistic" else outputs


def require_outputs(outputs: int, link: Link) -> None:
    """Raises PackageError where a link cannot have so many outputs."""
    if link == "logistic" and outputs != 1:
        raise PackageError(f"a logistic link has one output, not {outputs}")
    if link == "softmax" and outputs < 2:
        raise PackageError(f"a softmax has at least two outputs, not {outputs}")


def require_finite(name: str, tensor: Array) -> None:
    """Raises PackageError."""
    if not np.isfinite(tensor).all():
        raise PackageError(f"{name} has a value that is not finite")


def logistic(scores: Array) -> Array:
    """1 / (1 + exp(-x)), without an overflow for large -x."""
    small = np.exp(-np.abs(scores))
    return np.where(scores >= 0, 1 / (1 + small), small / (1 + small))
