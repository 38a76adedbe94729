"""The parameters of one estimator, before they are made to fit those of the other keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from instream.keyed.architecture import Architecture, tag
from instream.keyed.link import Array

Class = str | int | float | bool


class Extracted(msgspec.Struct, frozen=True):
    """What one estimator has learnt.

    Attributes:
        architecture: the smallest that holds it.
        tensors: of the shapes and types of the architecture.
        classes: in the order of its probabilities; None for a regressor.
        names: of the features, where the estimator knows them.
    """

    architecture: Architecture
    tensors: Mapping[str, Array]
    classes: tuple[Class, ...] | None
    names: tuple[str, ...] | None = None

    @property
    def family(self) -> str:
        """The tag of the architecture: linear, mlp or trees."""
        return tag(self.architecture)


def own_answers(estimator: Any, rows: Array, classifier: bool) -> Array:
    """Probabilities of a classifier, values of a regressor: shape (n, width)."""
    answers = np.asarray(estimator.predict_proba(rows) if classifier else estimator.predict(rows), np.float64)
    return answers.reshape(len(rows), -1)
