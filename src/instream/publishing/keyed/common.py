"""One architecture for the estimators of all keys, and the parameters of each in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from instream.errors import ConversionRefused
from instream.keyed.architecture import Architecture, sized
from instream.keyed.link import Array, Link
from instream.keyed.mlp import Mlp
from instream.keyed.trees import Trees
from instream.publishing.keyed.extracted import Class, Extracted

_NEVER = -1e30  # the score of a class that a key does not know: its probability is exactly 0, in float32 as well

_ANY = 2  # so many classes stand for any number until all are known

Classes = tuple[Class, ...] | None


class Common:
    """What holds all estimators that were added; it keeps none of them."""

    def __init__(self) -> None:
        self._architecture: Architecture | None = None
        self._known: set[Class] | None = None

    def add(self, extracted: Extracted) -> None:
        """Raises ConversionRefused where it cannot be one model with those before it."""
        plain = _with_classes(extracted.architecture, None if extracted.classes is None else _ANY)
        known = None if extracted.classes is None else set(extracted.classes)
        if self._architecture is None:
            self._architecture, self._known = plain, known
        if (self._known is None) != (known is None):
            raise ConversionRefused("some keys have a classifier and some a regressor; a model has one kind")
        self._architecture = _joined(self._architecture, plain)
        if self._known is not None and known is not None:
            if len(kinds := {type(each).__name__ for each in (*known, next(iter(self._known)))}) > 1:
                raise ConversionRefused(f"the classes of the keys are not of one type: {' and '.join(sorted(kinds))}")
            self._known |= known

    def result(self) -> tuple[Architecture, Classes]:
        """The smallest architecture that holds all, and the classes of all in sorted order.

        Raises:
            ConversionRefused: nothing was added.
            PackageError: the architecture is too large.
        """
        if self._architecture is None:
            raise ConversionRefused("there is no key with an estimator")
        classes = None if self._known is None else tuple(sorted(self._known))
        return sized(_with_classes(self._architecture, None if classes is None else len(classes))), classes


def common(extracted: Iterable[Extracted]) -> tuple[Architecture, Classes]:
    """The smallest architecture that holds all, and the classes of all in sorted order. Raises what `Common` raises."""
    every = Common()
    for each in extracted:
        every.add(each)
    return every.result()


def _with_classes(architecture: Architecture, classes: int | None) -> Architecture:
    """The same for so many classes: logistic for two, softmax for more; forests have a probability for each."""
    if classes is None:
        return architecture
    forest = isinstance(architecture, Trees) and architecture.link == "identity"
    outputs = classes if forest or classes > 2 else 1
    link: Link = "identity" if forest else "softmax" if classes > 2 else "logistic"
    if isinstance(architecture, Mlp):
        return msgspec.structs.replace(architecture, widths=(*architecture.widths[:-1], outputs), link=link)
    return msgspec.structs.replace(architecture, outputs=outputs, link=link)


def _joined(one: Architecture, other: Architecture) -> Architecture:
    """The smallest that holds both. Raises ConversionRefused where they differ in more than sizes."""
    joined = one
    if isinstance(one, Mlp) and isinstance(other, Mlp) and len(one.widths) == len(other.widths):
        hidden = map(max, one.widths[1:-1], other.widths[1:-1])
        joined = msgspec.structs.replace(one, widths=(one.widths[0], *hidden, one.widths[-1]))
        other = msgspec.structs.replace(other, widths=(other.widths[0], *joined.widths[1:-1], other.widths[-1]))
    elif isinstance(one, Trees) and isinstance(other, Trees):
        sizes = {name: max(getattr(one, name), getattr(other, name)) for name in ("trees", "nodes", "depth")}
        # A row with a missing value is scored only where every key can.
        same = sizes | {"missing": one.missing and other.missing}
        joined, other = msgspec.structs.replace(one, **same), msgspec.structs.replace(other, **same)
    if joined != other:
        raise ConversionRefused(f"the keys have estimators that do not fit one architecture: {one} and {other}")
    return joined


def fitted_to(extracted: Extracted, architecture: Architecture, classes: Classes) -> Mapping[str, Array]:
    """Tensors of the shapes of an architecture that hold what an estimator has learnt.

    Args:
        extracted: one that the architecture was made for with `common`, or fits it.
        architecture: of all keys.
        classes: of all keys, in the order of the probabilities; those that this one does not know get 0.
    Raises:
        ConversionRefused: it does not fit the architecture, or has a class that is not named.
    """
    own = extracted.classes
    if (own is None) != (classes is None) or not set(own or ()) <= set(classes or ()):
        raise ConversionRefused(f"an estimator with the classes {own} does not fit a model with {classes}")
    wanted = _with_classes(extracted.architecture, None if classes is None else len(classes))
    if _joined(architecture, wanted) != architecture:
        raise ConversionRefused(f"{extracted.architecture} is larger than the architecture of all keys: {architecture}")
    placed = _placed(extracted, classes)
    return {name: _padded(name, placed[name], shape, architecture.dtypes[name]) for name, shape in architecture.shapes.items()}


def _placed(extracted: Extracted, classes: Classes) -> Mapping[str, Array]:
    """With the outputs of all classes in their order."""
    own, tensors = extracted.classes, dict(extracted.tensors)
    if own is None or classes is None or own == classes:
        return tensors
    architecture = extracted.architecture
    place = [classes.index(name) for name in own]
    forest = isinstance(architecture, Trees) and architecture.link == "identity"
    for name, axis, absent in _outputs(architecture):
        tensors[name] = _spread(np.moveaxis(tensors[name], axis, 0), place, len(classes), 0.0 if forest else absent, forest)
        tensors[name] = np.ascontiguousarray(np.moveaxis(tensors[name], 0, axis))
    return tensors


def placed_answers(answers: Array, own: Classes, classes: Classes) -> Array:
    """Probabilities of an estimator's own classes among those of all: shape (n, classes). Values stay as they are."""
    if own is None or classes is None or own == classes:
        return answers
    placed = np.zeros((len(answers), len(classes)))
    placed[:, [classes.index(name) for name in own]] = answers
    return placed


def _outputs(architecture: Architecture) -> tuple[tuple[str, int, float], ...]:
    """The tensors that have an axis of outputs: name, axis, and the value for an absent class."""
    if isinstance(architecture, Trees):
        return (("value", 2, 0.0), ("init", 0, _NEVER))
    if isinstance(architecture, Mlp):
        last = len(architecture.widths) - 2
        return ((f"weights.{last}", 1, 0.0), (f"bias.{last}", 0, _NEVER))
    return (("coef", 0, 0.0), ("intercept", 0, _NEVER))


def _spread(own: Array, place: Sequence[int], classes: int, absent: float, forest: bool) -> Array:
    """Outputs at the places of their classes.

    Args:
        own: shape (outputs, …); one output for two classes is the score of the second against the first.
        place: of each own class among all.
    Returns:
        Shape (classes, …), or (1, …) for two classes that are not a forest's.
    """
    if classes == 2 and not forest:
        return own if place[0] < place[1] else -own
    spread = np.full((classes, *own.shape[1:]), absent, own.dtype)
    spread[place] = own if len(own) == len(place) else np.stack([np.zeros_like(own[0]), own[0]])
    return spread


def _padded(name: str, tensor: Array, shape: tuple[int, ...], dtype: Any) -> Array:
    """Larger, with zeros; a node that is added is a leaf of its own, without a value."""
    padded = np.zeros(shape, dtype)
    if name == "children":
        padded[:] = np.arange(shape[1])[:, None]
    padded[tuple(slice(size) for size in tensor.shape)] = tensor
    return padded
