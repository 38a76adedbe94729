"""Trees, forests and boosted trees: all rows go down all of their trees together, a level at a time.

What a forest averages and a booster scales is in the leaves already (a value divided by the number of trees, or times
the rate), so that the answer is always a sum, and keys with different numbers of trees fit one architecture.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from instream.errors import PackageError
from instream.keyed.held import Held
from instream.keyed.link import Array, Float, Link, Slots, linked, require_finite, require_outputs, width

_DEPTH_MAX = 4_096
_PATHS_MAX = 1 << 17  # rows times trees at a time: what they need stays in the processor's caches


class Trees(msgspec.Struct, frozen=True, tag="trees", forbid_unknown_fields=True):
    """The architecture.

    Attributes:
        features: columns of a row.
        trees: of one key.
        nodes: most of a tree.
        depth: most splits between the root of a tree and a leaf; at least 1.
        outputs: values of a leaf.
        link: as in Linear.
        missing: whether a value of a row may be NaN; where not, the scores of that row are NaN.
        compared: the type that rows are cast to before they are compared: float32 for trees, forests and
            GradientBoosting of scikit-learn, float64 for its HistGradientBoosting.
    """

    features: int
    trees: int
    nodes: int
    depth: int
    outputs: int
    link: Link
    missing: bool
    compared: Float

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Of the tensors of one key; `children` are the left and the right one, a leaf's are itself."""
        each = (self.trees, self.nodes)
        return {
            "feature": each,
            "threshold": each,
            "missing_left": each,
            "children": (*each, 2),
            "value": (*each, self.outputs),
            "init": (self.outputs,),
        }

    @property
    def dtypes(self) -> Mapping[str, str]:
        """Of the tensors of one key."""
        return {
            "feature": "int32",
            "threshold": self.compared,
            "missing_left": "bool",
            "children": "int32",
            "value": "float64",
            "init": "float64",
        }

    @property
    def width(self) -> int:
        """Columns of the scores of a batch."""
        return width(self.outputs, self.link)

    def require_sense(self) -> None:
        """Raises PackageError where trees are too deep or the link does not fit the outputs."""
        if self.depth > _DEPTH_MAX:
            raise PackageError(f"a tree is at most {_DEPTH_MAX} deep, not {self.depth}")
        require_outputs(self.outputs, self.link)

    def require_usable(self, tensors: Mapping[str, Array]) -> None:
        """Raises PackageError for values that are no numbers, and for a child or a feature that is not there."""
        if np.isnan(tensors["threshold"]).any():  # scikit-learn writes inf where only missing values go right
            raise PackageError("threshold has a value that is no number")
        if tensors["missing_left"].view(np.uint8).max() > 1:  # numpy takes a bool's byte as it is, and children are indexed by it
            raise PackageError("missing_left has a value that is neither true nor false")
        for name in ("value", "init"):
            require_finite(name, tensors[name])
        for name, end in (("feature", self.features), ("children", self.nodes)):
            if tensors[name].min() < 0 or tensors[name].max() >= end:
                raise PackageError(f"{name} has a value that is not between 0 and {end - 1}")

    def arena(self, slots: int) -> TreesArena:
        """Room for the parameters of so many keys."""
        return TreesArena(self, slots)


class TreesArena(Held):
    """Parameters side by side, a slot for each key."""

    def __init__(self, architecture: Trees, slots: int) -> None:
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
        architecture = self._architecture
        with np.errstate(over="ignore"):  # a number beyond float32 is infinite there, and goes to its side
            compared = rows.astype(architecture.compared, copy=False)
        scores = self._tensors["init"][slots]
        step = max(1, _PATHS_MAX // architecture.trees)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            leaves = self._leaves(compared[part], slots[part])
            scores[part] += self._tensors["value"].reshape(-1, architecture.outputs)[leaves].sum(axis=1)
        if not architecture.missing:
            scores[np.isnan(rows).any(axis=1)] = np.nan
        return linked(scores, architecture.link)

    def _leaves(self, rows: Array, slots: Slots) -> Array:
        """Where each row ends in each of its trees: numbers of nodes in the whole arena, shape (n, trees)."""
        architecture = self._architecture
        feature, threshold = self._tensors["feature"].reshape(-1), self._tensors["threshold"].reshape(-1)
        children, missing_left = self._tensors["children"].reshape(-1), self._tensors["missing_left"].reshape(-1)
        roots = (slots[:, None] * architecture.trees + np.arange(architecture.trees)) * architecture.nodes
        firsts = np.arange(len(rows))[:, None] * architecture.features
        flat, nodes = np.ascontiguousarray(rows).reshape(-1), roots
        for _ in range(architecture.depth):
            values = flat[firsts + feature[nodes]]
            right = ~(values <= threshold[nodes])
            if architecture.missing:
                right &= ~(np.isnan(values) & missing_left[nodes])
            nodes = roots + children[2 * nodes + right]
        return nodes
