"""Records of W2 with one field more, the key of a model, and what one linear model, or that of the key, answers to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pyarrow as pa
from sklearn.linear_model import LinearRegression

from benchmarks import workload
from benchmarks.contestants.protocol import WrongAnswer
from benchmarks.keyed.banks import KEY, Bank, linear
from benchmarks.keyed.estimators import regressions

KEYS = 10_000


@cache
def bank() -> Bank:
    """A linear model for each key, of the 8 numbers of a record."""
    return linear(KEYS, workload.INPUTS)


def one() -> LinearRegression:
    """That of the first key, for all records."""
    return regressions(bank())[0]


def sample() -> pa.Table:
    """The first 1,000 rows of the workload, in float64."""
    return pa.table({name: workload.rows()[:1_000, at].astype("float64") for at, name in enumerate(workload.NAMES)})


def records(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys are drawn uniformly, as it were: neighbours differ, and a row of numbers meets many keys."""
    keys = [f'","{KEY}":"{key}'.encode() for key in bank().keys]
    for number, (id_, value) in enumerate(workload.records(count)):
        yield id_, value[: workload.ID.stop] + keys[_key(number)] + value[workload.ID.stop :]


def check_one(value: bytes) -> None:
    """The id, version 1, and the answer of the one model."""
    _check(value, lambda number: 0)


def check_keyed(value: bytes) -> None:
    """The id, version 1, and the answer of the record's own model."""
    _check(value, _key)


def _key(number: int) -> int:
    return (number * 7_919 + number // workload.POOL) % KEYS


def _check(value: bytes, key_of: Any) -> None:
    output = json.loads(value)
    number = int(output["id"])
    tensors, key = bank().tensors, key_of(number)
    expected = float(workload.rows()[number % workload.POOL] @ tensors["coef"][key, 0] + tensors["intercept"][key, 0])
    if output["version"] != 1 or abs(output["prediction"] - expected) > 1e-4 * (1 + abs(expected)):
        raise WrongAnswer(f"{value!r}: expected version 1 and a prediction of {expected:.6f}")
