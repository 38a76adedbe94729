"""What a contestant is: a command that scores one topic into another until it is told to stop."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import workload


@dataclass(frozen=True, slots=True)
class Job:
    """The same for everyone.

    Attributes:
        group: of this run; nobody had it before.
        model: the ONNX file.
        store: the URL of a store that has the same model as `w2`.
        folder: of this run, empty.
    """

    bootstrap: str
    source: str
    sink: str
    group: str
    model: Path
    store: str
    folder: Path


class WrongAnswer(Exception):
    """A contestant wrote something else than the model says."""


Check = Callable[[bytes], None]
"""Raises WrongAnswer for an output that is not right."""


def check_scored(value: bytes) -> None:
    """The id, version 1, and the model's answer up to float32's rounding."""
    output = json.loads(value)
    expected = float(workload.answers()[int(output["id"]) % workload.POOL])
    if output["version"] != 1 or abs(output["prediction"] - expected) > 1e-4 * (1 + abs(expected)):
        raise WrongAnswer(f"{value!r}: expected version 1 and a prediction of {expected:.6f}")


def check_copied(value: bytes) -> None:
    """The record as it was."""
    expected = workload.record(int(value[workload.ID]))
    if value != expected:
        raise WrongAnswer(f"{value!r}: expected {expected!r}")


def ready() -> None:
    """Nothing to install or build."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One row of the table.

    Attributes:
        command: reads the source topic from the beginning; ends on SIGTERM.
        prepare: install or build, once; a second time it is quick.
    """

    name: str
    about: str
    command: Callable[[Job], Sequence[str]]
    check: Check = check_scored
    prepare: Callable[[], None] = ready
