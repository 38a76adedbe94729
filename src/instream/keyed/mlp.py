"""Multilayer perceptrons: rows are grouped by key, and all groups of a batch are multiplied at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
import numpy as np

from instream.errors import PackageError
from instream.keyed.held import Held
from instream.keyed.link import Array, Float, Link, Slots, linked, logistic, require_finite, require_outputs, width

Activation = Literal["identity", "relu", "tanh", "logistic"]
_ACTIVATIONS: Mapping[Activation, Callable[[Array], Array]] = {
    "identity": lambda values: values,
    "relu": lambda values: np.maximum(values, 0),
    "tanh": np.tanh,
    "logistic": logistic,
}
_GATHERED_MAX = 8 << 20  # bytes of weights that are copied at a time
_LAYERS_MAX = 16


class Mlp(msgspec.Struct, frozen=True, tag="mlp", forbid_unknown_fields=True):
    """The architecture.

    Attributes:
        widths: of the layers: features, hidden layers, outputs before the link.
        activation: after each hidden layer.
        link: as in Linear.
        dtype: of the parameters.
    """

    widths: tuple[int, ...]
    activation: Activation
    link: Link
    dtype: Float = "float64"

    @property
    def features(self) -> int:
        """Columns of a row."""
        return self.widths[0]

    @property
    def outputs(self) -> int:
        """Scores of a row before the link."""
        return self.widths[-1]

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of the tensors of one key."""
        found: dict[str, tuple[int, ...]] = {}
        for layer, (before, after) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            found |= {f"weights.{layer}": (before, after), f"bias.{layer}": (after,)}
        return found

    @property
    def dtypes(self) -> Mapping[str, str]:
        """Of the tensors of one key."""
        return dict.fromkeys(self.shapes, self.dtype)

    @property
    def width(self) -> int:
        """Columns of the scores of a batch."""
        return width(self.outputs, self.link)

    def require_sense(self) -> None:
        """Raises PackageError where there is no layer, or too many, or the link does not fit the outputs."""
        if not 2 <= len(self.widths) <= _LAYERS_MAX + 1:
            raise PackageError(f"a perceptron has 1 to {_LAYERS_MAX} layers, not {len(self.widths) - 1}")
        require_outputs(self.outputs, self.link)

    def require_usable(self, tensors: Mapping[str, Array]) -> None:
        """Raises PackageError where tensors of the right shapes hold a value that is not finite."""
        for name, tensor in tensors.items():
            require_finite(name, tensor)

    def arena(self, slots: int) -> MlpArena:
        """Room for the parameters of so many keys."""
        return MlpArena(self, slots)


class MlpArena(Held):
    """Parameters side by side, a slot for each key."""

    def __init__(self, architecture: Mlp, slots: int) -> None:
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
        scores = np.zeros((len(rows), self._architecture.outputs), self._architecture.dtype)
        if len(rows):
            places, owners = blocks(slots)
            step = max(1, _GATHERED_MAX // max(held[0].nbytes for held in self._tensors.values()))
            for start in range(0, len(owners), step):
                self._score_blocks(rows, places[start : start + step], owners[start : start + step], scores)
        return linked(scores, self._architecture.link)

    def _score_blocks(self, rows: Array, places: Array, owners: Slots, scores: Array) -> None:
        """Write the scores of some blocks of rows; a place that is -1 is padding."""
        architecture = self._architecture
        values = rows[places].astype(architecture.dtype, copy=False)
        last = len(architecture.widths) - 2
        for layer in range(last + 1):
            values = values @ self._tensors[f"weights.{layer}"][owners] + self._tensors[f"bias.{layer}"][owners, None]
            if layer < last:
                values = _ACTIVATIONS[architecture.activation](values)
        real = places >= 0
        scores[places[real]] = values[real]


def blocks(slots: Slots) -> tuple[Array, Slots]:
    """Rows of one slot in blocks of one size, near the mean: at most twice as many blocks as slots, and as many places as rows.

    Args:
        slots: shape (n,), n > 0.
    Returns:
        Numbers of rows, shape (blocks, size), -1 for padding; the slot of each block, shape (blocks,).
    """
    order = np.argsort(slots, kind="stable")
    owners, starts, counts = np.unique(slots[order], return_index=True, return_counts=True)
    size = -(-len(slots) // len(owners))
    needed = -(-counts // size)
    group = np.repeat(np.arange(len(owners)), counts)
    within = np.arange(len(slots)) - starts[group]
    first = np.cumsum(needed) - needed
    places = np.full((int(needed.sum()), size), -1, np.intp)
    places[first[group] + within // size, within % size] = order
    return places, np.repeat(owners, needed)
