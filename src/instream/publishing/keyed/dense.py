"""Weights of linear models and perceptrons, and a scaler before them, which becomes part of the first weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from instream.errors import ConversionRefused
from instream.keyed.linear import Linear
from instream.keyed.link import Array, Link
from instream.keyed.mlp import Mlp
from instream.publishing.keyed.extracted import Class, Extracted


def of_linear(estimator: Any) -> Extracted:
    """A linear regressor. Raises ConversionRefused where it has several outputs."""
    coef = np.atleast_2d(np.asarray(_plain(estimator.coef_), np.float64))
    intercept = np.atleast_1d(np.asarray(estimator.intercept_, np.float64)).reshape(-1)
    if coef.shape[0] != 1 or intercept.size != 1:
        raise ConversionRefused(f"{type(estimator).__name__} gives {coef.shape[0]} values a row; a keyed model gives one")
    return Extracted(Linear(coef.shape[1], 1, "identity"), {"coef": coef, "intercept": intercept}, None)


def of_logistic(estimator: Any) -> Extracted:
    """LogisticRegression, of two classes or more."""
    coef = np.asarray(_plain(estimator.coef_), np.float64)
    tensors = {"coef": coef, "intercept": np.broadcast_to(np.asarray(estimator.intercept_, np.float64), len(coef)).copy()}
    link: Link = "logistic" if len(coef) == 1 else "softmax"
    return Extracted(Linear(coef.shape[1], len(coef), link), tensors, classes_of(estimator))


def of_mlp(estimator: Any) -> Extracted:
    """MLPRegressor or MLPClassifier. Raises ConversionRefused for several values or labels a row, or another link."""
    widths = (estimator.coefs_[0].shape[0], *(weights.shape[1] for weights in estimator.coefs_))
    link: Link = estimator.out_activation_
    if link not in ("identity", "logistic", "softmax"):
        raise ConversionRefused(f"{type(estimator).__name__} ends with {link!r}, which keyed models do not have")
    if link != "softmax" and widths[-1] != 1:
        raise ConversionRefused(f"{type(estimator).__name__} gives {widths[-1]} values or labels a row; a keyed model gives one")
    tensors: dict[str, Array] = {}
    for layer, (weights, bias) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        tensors |= {f"weights.{layer}": np.asarray(weights, np.float64), f"bias.{layer}": np.asarray(bias, np.float64)}
    classes = classes_of(estimator) if hasattr(estimator, "classes_") else None
    return Extracted(Mlp(widths, estimator.activation, link), tensors, classes)


def behind(scaler: Any, found: Extracted) -> Extracted:
    """The same for rows that are not scaled yet. Raises ConversionRefused for trees, whose thresholds would be rounded."""
    if not isinstance(found.architecture, Linear | Mlp):
        raise ConversionRefused("a StandardScaler before trees changes no split: fit the trees on the columns as they are")
    tensors = dict(found.tensors)
    scale, mean = scaled_by(scaler, found.architecture.features)
    if isinstance(found.architecture, Linear):
        tensors["coef"] = tensors["coef"] / scale
        tensors["intercept"] = tensors["intercept"] - tensors["coef"] @ mean
    else:
        tensors["weights.0"] = (tensors["weights.0"].T / scale).T
        tensors["bias.0"] = tensors["bias.0"] - mean @ tensors["weights.0"]
    return Extracted(found.architecture, tensors, found.classes, found.names)


def scaled_by(scaler: Any, features: int) -> tuple[Array, Array]:
    """What a StandardScaler divides by, after it has taken away the second: shapes (features,)."""
    scale = np.asarray(scaler.scale_, np.float64) if scaler.with_std else np.ones(features)
    mean = np.asarray(scaler.mean_, np.float64) if scaler.with_mean else np.zeros(features)
    return scale, mean


def classes_of(estimator: Any) -> tuple[Class, ...]:
    """In the order of the probabilities. Raises ConversionRefused for several labels a row."""
    if isinstance(estimator.classes_, list) or np.asarray(estimator.classes_).ndim != 1:
        raise ConversionRefused(f"{type(estimator).__name__} gives several labels a row; a keyed model gives one")
    return tuple(np.asarray(estimator.classes_).tolist())


def _plain(weights: Any) -> Any:
    return weights.toarray() if hasattr(weights, "toarray") else weights  # after sparsify()
