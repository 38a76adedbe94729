"""Linear, logistic and multinomial regression: a row times the weights of its own key."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from instream.keyed.held import Held
from instream.keyed.link import Array, Float, Link, Slots, linked, require_finite, require_outputs, width

_GATHERED_MAX = 128 << 10  # bytes of weights that are copied at a time: what is multiplied next is still in the processor's cache


class Linear(msgspec.Struct, frozen=True, tag="linear", forbid_unknown_fields=True):
    """The architecture.

    Attributes:
        features: columns of a row.
        outputs: scores of a row before the link; 1 for logistic.
        link: identity gives the scores, logistic the probabilities of two classes, softmax those of `outputs` classes.
        dtype: of the parameters.
    """

    features: int
    outputs: int
    link: Link
    dtype: Float = "float64"

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of the tensors of one key."""
        return {"coef": (self.outputs, self.features), "intercept": (self.outputs,)}

    @property
    def dtypes(self) -> Mapping[str, str]:
        """Of the tensors of one key."""
        return {"coef": self.dtype, "intercept": self.dtype}

    @property
    def width(self) -> int:
        """Columns of the scores of a batch."""
        return width(self.outputs, self.link)

    def require_sense(self) -> None:
        """Raises PackageError where the link does not fit the outputs."""
        require_outputs(self.outputs, self.link)

    def require_usable(self, tensors: Mapping[str, Array]) -> None:
        """Raises PackageError where tensors of the right shapes hold a value that cannot be scored with."""
        for name, tensor in tensors.items():
            require_finite(name, tensor)

    def arena(self, slots: int) -> LinearArena:
        """Room for the parameters of so many keys."""
        return LinearArena(self, slots)


class LinearArena(Held):
    """Parameters side by side, a slot for each key."""

    def __init__(self, architecture: Linear, slots: int) -> None:
        super().__init__(architecture, slots)
        self._architecture = architecture

    def score(self, rows: Array, slots: Slots) -> Array:
        """What each row gives with the parameters of its slot.

        Args:
            rows: shape (n, features).
            slots: shape (n,).
        Returns:
            Shape (n, outputs), or (n, 2) for logistic.
        """
        weights, intercept = self._tensors["coef"], self._tensors["intercept"]
        scores = np.empty((len(rows), self._architecture.outputs), np.result_type(rows, weights))
        step = max(1, _GATHERED_MAX // weights[0].nbytes)
        gathered = np.empty((min(step, len(rows)), *weights.shape[1:]), weights.dtype)
        for start in range(0, len(rows), step):
            part = slots[start : start + step]
            coef = np.take(weights, part, axis=0, out=gathered[: len(part)], mode="clip")  # "raise" would copy once more
            np.einsum("nf,nof->no", rows[start : start + step], coef, out=scores[start : start + step])
        scores += intercept[slots]
        return linked(scores, self._architecture.link)
