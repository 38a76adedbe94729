"""Nodes of trees, forests and boosted trees, side by side. Averages and rates go into the leaves."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from sklearn.base import is_classifier
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from instream.errors import ConversionRefused
from instream.keyed.architecture import sized
from instream.keyed.link import Array, Float, Link
from instream.keyed.trees import Trees
from instream.publishing.keyed.dense import classes_of
from instream.publishing.keyed.extracted import Extracted

_TREES = (DecisionTreeClassifier, DecisionTreeRegressor)
FORESTS = (*_TREES, RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor)
BOOSTED = (GradientBoostingClassifier, GradientBoostingRegressor)
HISTOGRAM = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)


class Tree(msgspec.Struct, frozen=True):
    """One tree: arrays of shape (nodes,), values of (nodes, outputs)."""

    feature: Array
    threshold: Array
    missing_left: Array
    left: Array
    right: Array
    is_leaf: Array
    value: Array
    depth: int


def of_forest(estimator: Any) -> Extracted:
    """A tree, a random forest or extra trees. Raises ConversionRefused for several outputs."""
    if estimator.n_outputs_ != 1:
        raise ConversionRefused(f"{type(estimator).__name__} gives {estimator.n_outputs_} values a row; a keyed model gives one")
    members = [estimator] if isinstance(estimator, _TREES) else list(estimator.estimators_)
    trees = [_tree(member.tree_, member.tree_.value[:, 0, :] / len(members)) for member in members]
    outputs = trees[0].value.shape[1]
    classes = classes_of(estimator) if is_classifier(estimator) else None
    return _extracted(estimator, trees, np.zeros(outputs), "identity", _takes_missing(estimator), "float32", classes)


def of_boosted(estimator: Any) -> Extracted:
    """GradientBoosting. Raises ConversionRefused where it begins with another estimator than a constant."""
    if not (isinstance(estimator.init_, DummyClassifier | DummyRegressor) or estimator.init_ == "zero"):
        raise ConversionRefused(f"{type(estimator).__name__} begins with {type(estimator.init_).__name__}; only a constant can be used")
    scale = 2.0 if estimator.loss == "exponential" else 1.0  # its probabilities are those of twice the score
    init = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), np.float32))[0]  # no public name gives it exactly
    outputs = estimator.estimators_.shape[1]
    trees = []
    for stage in estimator.estimators_:
        for output, member in enumerate(stage):
            values = np.zeros((member.tree_.node_count, outputs))
            values[:, output] = member.tree_.value[:, 0, 0] * estimator.learning_rate * scale
            trees.append(_tree(member.tree_, values))
    return _extracted(estimator, trees, init * scale, _link(estimator, outputs), False, "float32", _classes(estimator))


def of_histogram(estimator: Any) -> Extracted:
    """HistGradientBoosting. Raises ConversionRefused for categorical features, and losses with a link of their own."""
    name = type(estimator).__name__
    if estimator.is_categorical_ is not None and np.any(estimator.is_categorical_):
        raise ConversionRefused(f"{name} has categorical features, which keyed models do not have")
    if estimator.loss in ("gamma", "poisson"):
        raise ConversionRefused(f"{name} with loss={estimator.loss!r} gives exponentials, which keyed models do not have")
    outputs = len(estimator._predictors[0])
    trees = []
    for stage in estimator._predictors:
        for output, member in enumerate(stage):
            values = np.zeros((len(member.nodes), outputs))
            values[:, output] = member.nodes["value"]
            trees.append(_histogram_tree(member.nodes, values))
    init = np.ravel(np.asarray(estimator._baseline_prediction, np.float64))
    return _extracted(estimator, trees, init, _link(estimator, outputs), True, "float64", _classes(estimator))


def _link(estimator: Any, outputs: int) -> Link:
    if not is_classifier(estimator):
        return "identity"
    return "logistic" if outputs == 1 else "softmax"


def _classes(estimator: Any) -> Any:
    return classes_of(estimator) if is_classifier(estimator) else None


def _tree(tree: Any, values: Array) -> Tree:
    leaf = tree.children_left < 0
    return Tree(
        tree.feature, tree.threshold, tree.missing_go_to_left, tree.children_left, tree.children_right, leaf, values, tree.max_depth
    )


def _histogram_tree(nodes: Array, values: Array) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        nodes["feature_idx"],
        nodes["num_threshold"],
        nodes["missing_go_to_left"],
        nodes["left"],
        nodes["right"],
        leaf,
        values,
        int(nodes["depth"].max()),
    )


def _takes_missing(estimator: Any) -> bool:
    """Whether it answers for NaN, tried: which estimators do depends on their settings and on the version of scikit-learn."""
    row = np.full((1, estimator.n_features_in_), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            estimator.predict(row)
        except ValueError:
            return False
    return True


def _extracted(estimator: Any, trees: Sequence[Tree], init: Array, link: Link, missing: bool, compared: Float, classes: Any) -> Extracted:
    nodes, depth = max(len(tree.feature) for tree in trees), max(1, *(tree.depth for tree in trees))
    architecture = Trees(estimator.n_features_in_, len(trees), nodes, depth, trees[0].value.shape[1], link, missing, compared)
    sized(architecture)
    tensors = {name: np.zeros(shape, architecture.dtypes[name]) for name, shape in architecture.shapes.items()}
    tensors["init"][:] = init
    tensors["children"][:] = np.arange(nodes)[:, None]
    for number, tree in enumerate(trees):
        own, leaf = np.arange(len(tree.feature)), tree.is_leaf
        here = (number, slice(len(own)))
        tensors["feature"][here] = np.where(leaf, 0, tree.feature)
        tensors["threshold"][here] = _rounded_down(np.where(leaf, 0.0, tree.threshold), compared)
        tensors["missing_left"][here] = np.where(leaf, False, tree.missing_left.astype(bool))
        tensors["children"][(*here, 0)] = np.where(leaf, own, tree.left)
        tensors["children"][(*here, 1)] = np.where(leaf, own, tree.right)
        tensors["value"][here] = np.where(leaf[:, None], tree.value, 0.0)
    return Extracted(architecture, tensors, classes)


def _rounded_down(thresholds: Array, compared: Float) -> Array:
    """The largest numbers of that type that are not above: a value of that type is on the same side of both."""
    if compared == "float64":
        return thresholds
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    above = near.astype(np.float64) > thresholds
    return np.where(above, np.nextafter(near, np.float32(-np.inf)), near)
