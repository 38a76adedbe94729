"""Missing values in converted trees: skl2onnx sends every one to the right; scikit-learn learnt a side for each split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

ATTRIBUTE = "nodes_missing_value_tracks_true"


def repair(graph: Any, trees: Any) -> None:
    """Write the learnt side of each split into the graph's ensembles of trees, in place.

    An ensemble whose nodes are not those of scikit-learn's trees stays as it is; the proof then decides.

    Args:
        graph: an onnx ModelProto.
        trees: the estimator that it was made from: a tree or an ensemble of trees.
    """
    members = trees.estimators_ if hasattr(trees, "estimators_") else [trees]
    inner = [getattr(member, "tree_", None) for member in np.ravel(np.asarray(members, object)).tolist()]
    if any(tree is None or not hasattr(tree, "missing_go_to_left") for tree in inner):
        return
    for node in graph.graph.node:
        if node.op_type.startswith("TreeEnsemble"):
            _repair(node, inner)


def _repair(ensemble: Any, inner: Sequence[Any]) -> None:
    attributes = {each.name: each for each in ensemble.attribute}
    ids = np.array(attributes["nodes_treeids"].ints)
    nodes = np.array(attributes["nodes_nodeids"].ints)
    splits = np.column_stack([attributes["nodes_featureids"].ints, attributes["nodes_values"].floats])
    left = np.zeros(len(ids), np.int64)
    for number in np.unique(ids):
        here = np.flatnonzero(ids == number)
        first = [inner[number]] if number < len(inner) else []
        tree = next((each for each in (*first, *inner) if _is_same(each, nodes[here], splits[here])), None)
        if tree is None:
            return
        left[here] = np.where(tree.children_left[nodes[here]] >= 0, tree.missing_go_to_left[nodes[here]], 0)
    if ATTRIBUTE in attributes:
        ensemble.attribute.remove(attributes[ATTRIBUTE])
    ensemble.attribute.append(onnx.helper.make_attribute(ATTRIBUTE, left.tolist()))


def _is_same(tree: Any, nodes: Any, splits: Any) -> bool:
    """Whether a tree has these splits (feature, threshold); bagging and isolation forests come in another order."""
    if tree.node_count != len(nodes):
        return False
    inner = tree.children_left[nodes] >= 0
    own = np.column_stack([tree.feature[nodes][inner], tree.threshold[nodes][inner]])  # inf: missing against all others
    return bool(np.allclose(own, splits[inner], rtol=1e-6, atol=1e-12))
