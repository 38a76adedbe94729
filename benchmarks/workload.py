"""Workload W2: JSON records of about 150 bytes, an id and 8 numbers, and what an MLP 8-64-64-1 answers to them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

INPUTS = 8
HIDDEN = 64
NAMES = tuple(f"x{i}" for i in range(INPUTS))
POOL = 10_000
"""Rows that differ; record i has the numbers of row i modulo POOL. Ids all differ."""

ID = slice(7, 23)
"""Where the 16 digits of the id stand, in records and in outputs alike."""

Floats = npt.NDArray[np.float32]
Layers = tuple[tuple[Floats, Floats], ...]


@cache
def rows() -> Floats:
    """Model inputs, float32, shape (POOL, INPUTS), as they are read back from the records' text."""
    drawn = np.random.default_rng(20_130_101).standard_normal((POOL, INPUTS))
    return drawn.round(7).astype(np.float32)


@cache
def weights() -> Layers:
    """Of the model."""
    return layers((INPUTS, HIDDEN, HIDDEN, 1), seed=8_64_64_1)


def layers(sizes: Sequence[int], seed: int) -> Layers:
    """A seeded MLP: weight (in, out) and bias (out,) of each layer, float32."""
    random = np.random.default_rng(seed)
    return tuple(
        (
            (random.standard_normal((wide, high)) * np.sqrt(2 / wide)).astype(np.float32),
            (random.standard_normal(high) * 0.1).astype(np.float32),
        )
        for wide, high in itertools.pairwise(sizes)
    )


@cache
def answers() -> Floats:
    """What the model gives for `rows()`, float32, shape (POOL,)."""
    values = rows()
    for weight, bias in weights()[:-1]:
        values = np.maximum(values @ weight + bias, 0)
    weight, bias = weights()[-1]
    return (values @ weight + bias)[:, 0]


@cache
def tails() -> tuple[bytes, ...]:
    """Of each row, the record's text after its id."""
    drawn = np.random.default_rng(20_130_101).standard_normal((POOL, INPUTS)).round(7)
    return tuple(
        ('",' + ",".join(f'"{name}":{number:.7f}' for name, number in zip(NAMES, row, strict=True)) + "}").encode() for row in drawn
    )


def record(number: int) -> bytes:
    """The record with this number.

    >>> record(12)[:39]
    b'{"id":"0000000000000012","x0":0.1455186,'
    """
    return b'{"id":"%016d' % number + tails()[number % POOL]


def records(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys (the last 8 digits of the id) and values of records 0 to count-1."""
    for number in range(count):
        value = record(number)
        yield value[15:23], value
