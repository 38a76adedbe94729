"""Batches of any make-up: empty, of one key, of one row a key, with values that no key can score."""

import numpy as np
import pytest

from instream.errors import PackageError
from instream.keyed.architecture import Architecture
from instream.keyed.linear import Linear
from instream.keyed.mlp import Mlp, blocks
from instream.keyed.trees import Trees

TREES = Trees(3, 1, 3, 1, 1, "identity", False, "float32")
STUMP = {
    "feature": np.array([[1, 0, 0]], np.int32),
    "threshold": np.array([[0.5, 0, 0]], np.float32),
    "missing_left": np.zeros((1, 3), bool),
    "children": np.array([[[1, 2], [1, 1], [2, 2]]], np.int32),
    "value": np.array([[[0.0], [1.0], [2.0]]]),
    "init": np.array([10.0]),
}


@pytest.mark.parametrize("architecture", [Linear(3, 2, "softmax"), Mlp((3, 4, 1), "relu", "logistic"), TREES])
def test_an_empty_batch(architecture: Architecture) -> None:
    assert architecture.arena(2).score(np.empty((0, 3)), np.empty(0, np.intp)).shape == (0, architecture.width)


@pytest.mark.parametrize("counts", [[1], [1, 1, 1], [900, 1, 1, 3], [7, 0, 0, 2]])
def test_blocks_hold_each_row_once_with_its_own_slot(counts: list[int]) -> None:
    slots = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    places, owners = blocks(slots)
    real = places >= 0
    assert sorted(places[real]) == list(range(len(slots)))
    assert (slots[np.where(real, places, 0)] == owners[:, None])[real].all()
    present = len(np.unique(slots))
    assert len(places) <= 2 * present
    assert places.size <= 2 * (len(slots) + present)


def test_trees_go_left_up_to_the_threshold_and_give_nan_where_values_may_not_be_missing() -> None:
    arena = TREES.arena(2)
    arena.put(1, STUMP)
    rows = np.zeros((5, 3))
    rows[:, 1] = [0.5, 0.5 + 1e-12, 0.5 + 1e-7, np.nan, 1e300]
    np.testing.assert_array_equal(arena.score(rows, np.ones(5, np.intp))[:, 0], [11, 11, 12, np.nan, 12])


def test_a_row_that_is_no_number_does_not_touch_its_neighbours() -> None:
    arena = Mlp((2, 3, 1), "tanh", "identity").arena(1)
    shapes = {"weights.0": (2, 3), "bias.0": (3,), "weights.1": (3, 1), "bias.1": (1,)}
    arena.put(0, {name: np.ones(shape) for name, shape in shapes.items()})
    scores = arena.score(np.array([[0, 0], [np.nan, 0], [0, 0]]), np.zeros(3, np.intp))
    assert np.isnan(scores[1, 0])
    np.testing.assert_allclose(scores[[0, 2], 0], 1 + 3 * np.tanh(1))


@pytest.mark.parametrize(
    ("name", "value"),
    [("feature", 3), ("feature", -1), ("children", 3), ("children", -1), ("threshold", np.nan), ("value", np.inf), ("init", np.nan)],
)
def test_trees_that_cannot_be_walked_are_refused(name: str, value: float) -> None:
    changed = STUMP[name].copy()
    changed.flat[0] = value
    with pytest.raises(PackageError, match=name):
        TREES.arena(1).put(0, STUMP | {name: changed})


def test_a_bool_of_another_byte_is_refused() -> None:
    with pytest.raises(PackageError, match="neither true nor false"):
        TREES.arena(1).put(0, STUMP | {"missing_left": np.full((1, 3), 2, np.uint8).view(bool)})
