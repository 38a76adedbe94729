"""LightGBM's own text files: one thread, categories as their positions, as LightGBM itself makes them.

Step options: `categorical` (columns whose values become their place among the signature's categories; others count
as missing). Outputs: `prediction`; or `probabilities` and `label`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from instream.errors import PackageError
from instream.formats.coded import CodedMatrix
from instream.formats.labels import Answers
from instream.formats.protocol import Value
from instream.package import Step
from instream.signature import Signature


class LightGBMModel:
    """A booster, and the columns that make its matrix."""

    def __init__(self, booster: Any, step: Step, signature: Signature, nbytes: int) -> None:
        self.nbytes = nbytes
        self._booster = booster
        self._matrix = CodedMatrix(step, signature, np.float64)
        self._answers = Answers(step, signature)

    def run(self, columns: Mapping[str, Value], rows: int) -> Mapping[str, Value]:
        given = self._booster.predict(self._matrix(columns, rows), num_threads=1)
        return self._answers(np.asarray(given).reshape(rows, -1))


def load(path: Path, step: Step, signature: Signature) -> LightGBMModel:
    """Read a text file. Raises PackageError when LightGBM cannot."""
    try:
        booster = lightgbm.Booster(model_file=str(path))
    except lightgbm.basic.LightGBMError as error:
        raise PackageError(f"{path.name}: lightgbm {lightgbm.__version__} cannot load it: {error}") from error
    return LightGBMModel(booster, step, signature, path.stat().st_size + (1 << 20))  # measured: 0.8 to 1.0 of the file
