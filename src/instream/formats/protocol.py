"""What a format gives: one step's model in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt
import pyarrow as pa

from instream.package import Step
from instream.signature import Signature

Value: TypeAlias = pa.Array | npt.NDArray[Any]
"""A column: an Arrow array of a batch, or what an earlier step gave, of shape (rows,) or (rows, width)."""


class StepModel(Protocol):
    """Thread-safe, single-threaded inside, no I/O."""

    @property
    def nbytes(self) -> int:
        """Memory held, bytes; an estimate."""
        ...

    def run(self, columns: Mapping[str, Value], rows: int) -> Mapping[str, Value]:
        """The columns that `step.outputs` names, from those that `step.inputs` names; at least one row."""
        ...


class Loader(Protocol):
    """The one function that a format's module has for the registry."""

    def __call__(self, path: Path, step: Step, signature: Signature) -> StepModel:
        """Read a file of a package.

        Raises:
            PackageError: the file or the step cannot be used.
            MissingExtra: the library is not installed.
        """
        ...
