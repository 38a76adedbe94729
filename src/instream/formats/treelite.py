"""Trees by treelite's GTIL: exact for forests and gradient boosting, missing values and categories included.

Step options: `dtype` (`float32` or `float64`: what the original rounds its inputs to); `categories` (JSON: for some
positions of the matrix, the values whose place in the list the trees know; others count as missing). Outputs:
`prediction`; or `probabilities` and `label`, whose classes are the categories of the signature's `probabilities`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import treelite

from instream.errors import PackageError
from instream.formats.columns import Array, codes, matrix
from instream.formats.labels import Answers
from instream.formats.protocol import Value
from instream.package import Step
from instream.signature import Signature

CATEGORIES = "categories"
_ROWS = 4_096  # GTIL holds rows * trees outputs at once for some models; this bounds it


class TreeliteModel:
    """A forest, and the columns that make its matrix."""

    def __init__(self, model: treelite.Model, step: Step, signature: Signature, nbytes: int) -> None:
        self.nbytes = nbytes
        self._model = model
        self._columns = next(iter(step.inputs.values()))
        self._dtype = np.dtype(str(step.options.get("dtype", "float64")))
        known = msgspec.json.decode(str(step.options.get(CATEGORIES, "{}")), type=dict[int, list[str | float | bool]])
        self._known = {position: pa.array(values) for position, values in known.items()}
        self._answers = Answers(step, signature)

    def run(self, columns: Mapping[str, Value], rows: int) -> Mapping[str, Value]:
        # Rounded as the original rounds, then widened to the type that GTIL compares in.
        packed = self._matrix(columns, rows).astype(np.float64, copy=False)
        parts = [treelite.gtil.predict(self._model, packed[at : at + _ROWS], nthread=1) for at in range(0, rows, _ROWS)]
        given = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return self._answers(given.reshape(rows, -1))

    def _matrix(self, columns: Mapping[str, Value], rows: int) -> Array:
        if not self._known:
            return matrix(columns, self._columns, self._dtype, rows)
        if len(self._columns) == 1:
            packed = matrix(columns, self._columns, self._dtype, rows).copy()  # it may be a batch's own memory
            for position, known in self._known.items():
                packed[:, position] = codes(packed[:, position], known)
            return packed
        coded = {self._columns[position]: codes(columns[self._columns[position]], known) for position, known in self._known.items()}
        return matrix({**columns, **coded}, self._columns, self._dtype, rows)


def load(path: Path, step: Step, signature: Signature) -> TreeliteModel:
    """Read a serialized forest. Raises PackageError when treelite cannot."""
    try:
        model = treelite.Model.deserialize(path)
    except Exception as error:  # treelite raises its own, and what its library throws
        raise PackageError(f"{path.name}: treelite {treelite.__version__} cannot load it: {error}") from error
    return TreeliteModel(model, step, signature, path.stat().st_size + (1 << 20))  # measured: 0.8 to 1.0 of the file
