"""The model as its own framework scores it: what every candidate is held against."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from instream.errors import ConversionRefused, MissingExtra
from instream.package import Step
from instream.publishing.sample import Sample
from instream.signature import Category, Field, Signature


@dataclass(frozen=True, slots=True)
class Conversion:
    """A candidate.

    Attributes:
        chain: its name in the manifest, such as `onnx float32`.
        write: writes its files into a folder and gives its steps; raises whatever the converter raises.
        exact: it runs the original's own code, so it is held to the whole tolerance and not to half of it.
    """

    chain: str
    write: Callable[[Path], tuple[Step, ...]]
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Border:
    """Values of an input at which a tree decides; float64."""

    column: str
    values: npt.NDArray[np.float64]


class Original(Protocol):
    """One framework's model. `score` may raise for rows that the framework refuses."""

    @property
    def kind(self) -> str:
        """What it is, for the provenance, such as `Pipeline`."""
        ...

    @property
    def inputs(self) -> Sequence[str]:
        """Columns of the sample that it reads, in order."""
        ...

    @property
    def outputs(self) -> tuple[Field, ...]: ...

    @property
    def libraries(self) -> Sequence[str]:
        """Installed packages whose versions belong to the proof."""
        ...

    def categories(self) -> Mapping[str, tuple[Category, ...]]:
        """Values that an input may have, where the model refuses all others and says which it knows."""
        ...

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch: ...

    def borders(self, batch: pa.RecordBatch) -> Sequence[Border]: ...

    def conversions(self, signature: Signature, closed: tuple[str, ...]) -> Iterator[Conversion]:
        """Candidates, in the order in which they are tried.

        Args:
            closed: inputs for which a value outside the signature's categories must be refused.
        """
        ...


ORIGINALS: Mapping[str, tuple[str, str]] = {
    "lightgbm": ("instream.publishing.lightgbm", "lightgbm"),
    "xgboost": ("instream.publishing.xgboost", "xgboost"),
    "onnx": ("instream.publishing.onnx", "onnx"),
    "sklearn": ("instream.publishing.sklearn.original", "sklearn"),
}
"""By a package in which a model's class, or one that it inherits from, is defined: the module that reads it, and its extra."""


def original_of(model: Any, sample: Sample, trust: Sequence[str]) -> Original:
    """Find who reads a model.

    Raises:
        ConversionRefused: nobody does, or it cannot be fed from the sample.
        MissingExtra: its framework is not installed.
    """
    found = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    for package, (module, extra) in ORIGINALS.items():
        if package in found:
            try:
                read = importlib.import_module(module).read
            except ImportError as error:
                raise MissingExtra(f"a model of {package}", extra) from error
            original: Original = read(model, sample, tuple(trust))
            return original
    raise ConversionRefused(f"{type(model).__module__}.{type(model).__name__} is no model of {', '.join(ORIGINALS)}")
