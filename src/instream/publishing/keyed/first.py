"""The first pass: each estimator is read and proved while it is at hand, and then let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from instream.compare import PROBABILITIES
from instream.errors import ConversionRefused, InstreamError
from instream.golden import ROWS_MAX
from instream.key import Key, text_of
from instream.keyed.columns import PREDICTION
from instream.keyed.link import Array
from instream.package import Tolerance
from instream.publishing.keyed.common import Common
from instream.publishing.keyed.extract import read
from instream.publishing.keyed.extracted import Extracted
from instream.publishing.keyed.inputs import Inputs, shown
from instream.publishing.keyed.pack import representable
from instream.publishing.keyed.proof import answered, proof_rows, prove, telling
from instream.publishing.keyed.sampled import Sampled
from instream.publishing.keyed.spool import DEFAULT, Entry, Spool

_SAMPLED, _KEPT = 24, 16


@dataclass(frozen=True, slots=True)
class Kept:
    """The model that will travel inside the package, with the rows that will prove it; `kind` is its class."""

    kind: str
    entry: Entry


class FirstPass:
    """Takes estimators one by one; a refusal names the key."""

    def __init__(self, inputs: Inputs, sample: pa.RecordBatch | None, tolerance: Callable[[str], Tolerance], spool: Spool) -> None:
        self.common = Common()
        self.own: Kept | None = None
        self.worst = 0.0
        self._inputs = inputs
        self._sample = sample
        self._sampled: Sampled | None = None
        self._tolerance = tolerance
        self._spool = spool
        self._texts: set[str] = set()

    def default(self, estimator: Any) -> None:
        """The model for keys that have none; given before all others."""
        with naming("the default model"):
            self._take(DEFAULT, (), estimator)

    def key(self, given: Any, estimator: Any) -> None:
        """Raises ConversionRefused."""
        key = self._inputs.key_of(given)
        with naming(f"key {shown(key)}"):
            text = _text(key)
            if text in self._texts:
                raise ConversionRefused("it came before; each key has one estimator")
            self._texts.add(text)
            self._take(text, key, estimator)

    def __len__(self) -> int:
        """Keys, without the default."""
        return len(self._texts)

    def _take(self, text: str, key: Key, estimator: Any) -> None:
        found, generated = read(estimator)
        self._inputs.require_same(found)
        self.common.add(found)
        rows = proof_rows(found, self._rows(key, found, _SAMPLED), generated)
        tolerance = self._tolerance(PREDICTION if found.classes is None else PROBABILITIES)
        given, error = prove(estimator, found, rows, self._inputs.names, tolerance)
        self.worst = max(self.worst, error)
        self._spool.add(Entry(text, found, telling(given, _KEPT)))
        if self.own is None or (self.own.entry.text != DEFAULT and text < self.own.entry.text):
            near = proof_rows(found, self._rows(key, found, ROWS_MAX // 2), generated)
            golden, _ = answered(estimator, representable(near, self._inputs.features()), found.classes is not None)
            self.own = Kept(type(estimator).__name__, Entry(text, found, telling(golden, ROWS_MAX)))

    def _rows(self, key: Key, found: Extracted, count: int) -> Array:
        """Of the sample, for a key."""
        if self._sample is None:
            return np.empty((0, found.architecture.features))
        self._sampled = self._sampled or Sampled(self._sample, self._inputs.key, self._inputs.names)
        return self._sampled.rows(key, count, bool(getattr(found.architecture, "missing", False)))


@contextmanager
def naming(whose: str) -> Iterator[None]:
    """Whatever is raised about an estimator becomes a refusal that says whose it is."""
    try:
        yield
    except InstreamError as error:
        raise ConversionRefused(f"{whose}: {error}") from error
    except Exception as error:  # whatever the framework raises
        raise ConversionRefused(f"{whose}: {type(error).__name__}: {error}") from error


def _text(key: Key) -> str:
    text = text_of(key)
    text.encode()  # a lone surrogate is in no store
    return text
