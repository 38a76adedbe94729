"""The rows of a batch that are still on their way, and what became of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from instream.codecs import Decoded, EchoColumn
from instream.failures import Failures, Rows, merge
from instream.features import Applied


@dataclass(frozen=True, slots=True)
class Part:
    """Columns of the rows that are still good; failures and filtered rows are numbered as the records are.

    Attributes:
        rows: int32, for each row of `batch` its record; strictly increasing.
        echo: aligned with `batch`.
    """

    batch: pa.RecordBatch
    rows: Rows
    echo: Sequence[EchoColumn]
    failures: Failures
    filtered: Rows

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def featured(self, applied: Applied) -> Part:
        """After a feature step, whose row numbers are those of `batch`."""
        return Part(
            applied.batch,
            self.rows[applied.rows],
            picked_echo(self.echo, applied.rows, len(self)),
            merge(self.failures, applied.failures.at(self.rows)),
            joined(self.filtered, self.rows[applied.filtered]),
        )

    def failing(self, failures: Failures) -> Part:
        """Without some rows of `batch`, which have failed."""
        if not len(failures):
            return self
        kept = others(failures.rows, len(self))
        batch, echo = self.batch.take(pa.array(kept)), picked_echo(self.echo, kept, len(self))
        return replace(self, batch=batch, rows=self.rows[kept], echo=echo, failures=merge(self.failures, failures.at(self.rows)))


def decoded_part(decoded: Decoded) -> Part:
    """What the decoder gave."""
    return Part(decoded.batch, decoded.rows, decoded.echo, decoded.failures, np.empty(0, np.int32))


def picked_echo(echo: Sequence[EchoColumn], rows: Rows, of: int) -> Sequence[EchoColumn]:
    """Some rows of each echo column, which has `of` rows."""
    if len(rows) == of:
        return echo
    chosen, index = rows.tolist(), pa.array(rows)
    return [column.take(index) if isinstance(column, pa.Array) else [column[row] for row in chosen] for column in echo]


def others(rows: Rows, of: int) -> Rows:
    """The rows of `of` that are not among `rows`."""
    kept = np.ones(of, bool)
    kept[rows] = False
    return np.flatnonzero(kept).astype(np.int32)


def joined(one: Rows, other: Rows) -> Rows:
    """Both, in order."""
    return np.sort(np.concatenate([one, other])) if len(one) and len(other) else (one if len(one) else other)
