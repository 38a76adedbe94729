"""One version of a model, held in memory for rows that lie at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from instream.failures import Failures, merge
from instream.package import Version
from instream.predictor import Predictor
from instream.scoring.columns import columns_of, way_back
from instream.settings import Features, Model, Pipeline, Strategy
from instream.stores import open_store, resolve
from instream.stores.default import store_url
from instream.strategies.local import local

_ROWS_MAX = 10_000  # scored at once; more only costs memory


class Scorer:
    """Scores rows by one version. Thread-safe."""

    def __init__(self, name: str, version: Version, predictor: Predictor) -> None:
        self.name = name
        self.version = version
        self._predictor = predictor

    @property
    def requires(self) -> pa.Schema:
        """Columns that rows must have."""
        return self._predictor.requires

    @property
    def produces(self) -> pa.Schema:
        """Columns of an answer: the model's outputs, `version`, and `error`, which is null where a row was scored."""
        outputs = [field.with_nullable(True) for field in self._predictor.produces]
        return pa.schema([*outputs, pa.field("version", pa.int32()), pa.field("error", pa.string())])

    def score(self, rows: Any) -> Any:
        """Score rows: as many come back, in order and in the same form, with the columns of `produces`.

        Args:
            rows: a pandas DataFrame, a list of dicts, a pyarrow RecordBatch or Table; columns beyond `requires` are ignored.
        Raises:
            InvalidRows: a column is missing or has values of another type.
        """
        return way_back(rows)(self.answers(rows))

    def answers(self, rows: Any) -> pa.RecordBatch:
        """The same as one record batch, whatever the rows are."""
        batch, nulls = columns_of(rows, self.requires)
        parts = [self._score(batch.slice(at, _ROWS_MAX), nulls_in(nulls, at)) for at in range(0, batch.num_rows, _ROWS_MAX)]
        table = pa.Table.from_batches(parts, schema=self.produces).combine_chunks()
        return table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], schema=self.produces)

    def close(self) -> None:
        self._predictor.close()

    def __enter__(self) -> Scorer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _score(self, batch: pa.RecordBatch, nulls: Failures) -> pa.RecordBatch:
        good = np.setdiff1d(np.arange(batch.num_rows, dtype=np.int32), nulls.rows)
        offered = batch if len(good) == batch.num_rows else batch.take(pa.array(good))
        prediction = self._predictor.predict(offered.cast(self.requires))
        failures = merge(prediction.failures.at(good), nulls)
        spread = pa.array(spread_over(good, batch.num_rows), mask=~np.isin(np.arange(batch.num_rows), good))
        answered = [*prediction.outputs.columns, prediction.stamps.column("version")]
        errors = pa.array(failures.texts(batch.num_rows), pa.string())
        return pa.RecordBatch.from_arrays([*(column.take(spread) for column in answered), errors], schema=self.produces)


def nulls_in(failures: Failures, start: int) -> Failures:
    """Those of one part, numbered from its start."""
    first, last = np.searchsorted(failures.rows, [start, start + _ROWS_MAX])
    return Failures(failures.rows[first:last] - np.int32(start), failures.codes[first:last], failures.messages[first:last])


def spread_over(good: np.ndarray[Any, np.dtype[np.int32]], rows: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """For each row the place of its answer among those of the good rows."""
    places = np.zeros(rows, np.int32)
    places[good] = np.arange(len(good), dtype=np.int32)
    return places


def load(reference: str, *, store: str | None = None, features: str | None = None) -> Scorer:
    """Load a version of a model.

    Args:
        reference: `delay@champion` (as it is now), `delay@3` or `delay@label`.
        store: by default the variable INSTREAM_STORE, else sqlite:///instream.db.
        features: `package` runs, and so trusts, the feature step that was published with the version.
    Raises:
        NotFound, PackageError: there is no such version, or it cannot be used.
    """
    url = store_url(store)
    opened = open_store(url, create=False)
    name, version = resolve(opened, reference)
    settings = Pipeline(
        name="score",
        model=Model(name=f"{name}@{version}", store=url),
        strategy=Strategy(kind="database" if opened.manifest(name, version).keyed else "embedded"),
        features=Features(function=features),
        folder=Path(),
    )
    return Scorer(name, version, local(settings, opened, worker="score", local_features=None))
