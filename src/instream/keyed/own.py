"""The parameters that travel inside a keyed package: they prove its arithmetic, and may answer for keys without any."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from instream.keyed.architecture import architecture_from
from instream.keyed.columns import answers_of, rows_of
from instream.keyed.manifest import sound
from instream.keyed.payload import decode
from instream.package import Package


class OwnModel:
    """Satisfies LoadedModel: every row by the package's own parameters, whatever its key is."""

    def __init__(self, package: Package) -> None:
        """Raises PackageError."""
        keyed = sound(package.manifest)
        architecture = architecture_from(keyed.architecture)
        self.signature = package.manifest.signature
        self._features = keyed.features
        self._arena = architecture.arena(1)
        self._arena.put(0, decode(package.path(keyed.model).read_bytes(), architecture, keyed.features).tensors)
        self.nbytes = self._arena.nbytes

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Outputs for a batch that has `signature.requires`."""
        rows = rows_of([batch.column(name) for name in self._features])
        scores = self._arena.score(rows, np.zeros(len(rows), np.intp))
        return pa.RecordBatch.from_arrays(answers_of(scores, self.signature.outputs), schema=self.signature.produces)
