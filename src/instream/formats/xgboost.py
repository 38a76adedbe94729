"""XGBoost's own JSON files: one thread.

Step options: `categorical` (columns whose values become their place among the signature's categories), `iterations`
(rounds that count; all where absent), `missing` (a number that means missing besides NaN). Outputs: `prediction`; or
`probabilities` and `label`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from instream.errors import PackageError
from instream.formats.coded import CodedMatrix
from instream.formats.labels import Answers
from instream.formats.protocol import Value
from instream.package import Step
from instream.signature import Signature


class XGBoostModel:
    """A booster, and the columns that make its matrix."""

    def __init__(self, booster: Any, step: Step, signature: Signature, nbytes: int) -> None:
        self.nbytes = nbytes
        self._booster = booster
        self._matrix = CodedMatrix(step, signature, np.float32)
        self._answers = Answers(step, signature)
        self._range = (0, int(str(step.options.get("iterations", 0))))
        self._missing = float(str(step.options.get("missing", "nan")))

    def run(self, columns: Mapping[str, Value], rows: int) -> Mapping[str, Value]:
        packed = self._matrix(columns, rows)
        given = self._booster.inplace_predict(packed, iteration_range=self._range, missing=self._missing, validate_features=False)
        return self._answers(np.asarray(given).reshape(rows, -1))


def load(path: Path, step: Step, signature: Signature) -> XGBoostModel:
    """Read a JSON file. Raises PackageError when XGBoost cannot."""
    try:
        booster = xgboost.Booster(params={"nthread": 1}, model_file=str(path))
    except xgboost.core.XGBoostError as error:
        raise PackageError(f"{path.name}: xgboost {xgboost.__version__} cannot load it: {error}") from error
    return XGBoostModel(booster, step, signature, path.stat().st_size + (1 << 20))  # measured: 0.8 to 1.0 of the file
