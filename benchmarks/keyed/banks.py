"""Models for many keys: their parameters, and the same as fitted estimators, so that everybody scores the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from instream.keyed.architecture import Architecture
from instream.keyed.linear import Linear
from instream.keyed.link import Array
from instream.keyed.payload import GOLDEN_MAX, Golden, encode

KEY = "key"


@dataclass(frozen=True)
class Bank:
    """A model for each of `keys`; where there are fewer models than keys, keys take them in turn.

    Attributes:
        tensors: each with one model more in its first dimension.
    """

    name: str
    architecture: Architecture
    tensors: Mapping[str, Array]
    models: int
    count: int

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(f"x{number}" for number in range(self.architecture.features))

    @cached_property
    def keys(self) -> Sequence[str]:
        return [f"key-{number:06d}" for number in range(self.count)]

    @property
    def texts(self) -> Sequence[str]:
        """The same as the store has them."""
        return [f"s:{key}" for key in self.keys]

    def payload(self, number: int, shift: float = 0.0) -> bytes:
        """The bytes of a key, with as many golden rows as there can be; `shift` is added to what a linear model answers."""
        tensors = {name: held[number % self.models] for name, held in self.tensors.items()}
        if shift:
            tensors["intercept"] = tensors["intercept"] + shift
        arena = self.architecture.arena(1)
        arena.put(0, tensors)
        rows = self._golden
        return encode(self.architecture, self.features, tensors, Golden(rows, arena.score(rows, np.zeros(len(rows), np.intp))))

    def payloads(self) -> Mapping[str, bytes]:
        """Of all keys, by canonical text."""
        made = [self.payload(number) for number in range(self.models)]
        return {text: made[number % self.models] for number, text in enumerate(self.texts)}

    @cached_property
    def _golden(self) -> Array:
        return np.random.default_rng(4).normal(size=(GOLDEN_MAX, self.architecture.features))


def linear(count: int, features: int = 32) -> Bank:
    """Linear regressions, each with weights of its own."""
    random = np.random.default_rng(features)
    tensors = {"coef": random.normal(size=(count, 1, features)), "intercept": random.normal(size=(count, 1))}
    return Bank("linear", Linear(features, 1, "identity"), tensors, count, count)
