"""What a pipeline holds of a model, whatever the strategy; and what a strategy holds, a loaded model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import pyarrow as pa

from instream.failures import NONE, Failures, Rows
from instream.failures import merge as merge_failures
from instream.flow.deadline import Deadline
from instream.package import Version
from instream.signature import Signature

KEYED_STAMPS = pa.schema([pa.field("parameters", pa.int64()), pa.field("level", pa.int8()), pa.field("age_ms", pa.int64())])
"""Of keyed packages, null for others: the revision of the parameters (null for the default model); 0 where they are those
of the row's own key, k where of k key columns fewer, -1 for the default model; for how long they may have been replaced."""

STAMPS = pa.schema([pa.field("version", pa.int32()), *KEYED_STAMPS])
"""Of every strategy: the version that scored the row, or refused it, null where none was asked; and `KEYED_STAMPS`."""


_KEPT_ROWS = 8_192


def stamped(version: Version, rows: int) -> pa.RecordBatch:
    """Stamps of rows that one version scored, whose package is not keyed."""
    return _kept(version).slice(0, rows) if rows <= _KEPT_ROWS else _stamps(version, rows)


@lru_cache(16)  # 200 KB each
def _kept(version: Version) -> pa.RecordBatch:
    return _stamps(version, _KEPT_ROWS)


def _stamps(version: Version, rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_versions(version, rows), *(pa.nulls(rows, each.type) for each in KEYED_STAMPS)], schema=STAMPS)


def stamped_with(version: Version, keyed: Sequence[pa.Array]) -> pa.RecordBatch:
    """Stamps of rows of a keyed package; `keyed` has the columns of `KEYED_STAMPS`."""
    return pa.RecordBatch.from_arrays([_versions(version, len(keyed[0])), *keyed], schema=STAMPS)


def _versions(version: Version, rows: int) -> pa.Array:
    return pa.array(np.full(rows, version, np.int32))


class LoadedModel(Protocol):
    """A package in memory. Thread-safe, single-threaded inside, no I/O."""

    @property
    def signature(self) -> Signature: ...
    @property
    def nbytes(self) -> int:
        """Memory held, bytes; an estimate."""
        ...

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Outputs for a batch that has `signature.requires`: as many rows, with `signature.produces`."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """What a model has for the rows of a batch.

    Attributes:
        outputs: of the rows that have an answer: `signature.produces`, then `KEYED_STAMPS` where the package is keyed.
        rows: which those are; None for all.
        failures: the others.
    """

    outputs: pa.RecordBatch
    rows: Rows | None = None
    failures: Failures = NONE


@dataclass(frozen=True, slots=True)
class Call:
    """What travels with a batch; may gain fields without breaking anyone.

    Attributes:
        deadline: after it the answer is of no use.
        ids: source ids, `topic:partition:offset`; they route rows when a rollout has no key.
        pin: score with this head revision (replays).
        as_of: with the parameters of keys that were in force at this revision, µs of the store's clock (replays).
    """

    deadline: Deadline | None = None
    ids: pa.Array | None = None
    pin: int | pa.Array | None = None
    as_of: int | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """Outputs and where they came from, aligned with the batch that was offered.

    Attributes:
        outputs: null where failed; not finite only where the signature allows it.
        stamps: `STAMPS`.
        head: the head revision that unpinned rows were routed by; 0 when pinned to a version.
        failures: rows without an output; `Code.FILTERED` where a published feature step left a row out.
    """

    outputs: pa.RecordBatch
    stamps: pa.RecordBatch
    head: int
    failures: Failures

    def __len__(self) -> int:
        return int(self.outputs.num_rows)

    def slice(self, start: int, length: int) -> Prediction:
        """Rows start to start+length; shares memory."""
        first, last = np.searchsorted(self.failures.rows, [start, start + length])
        cut = Failures(
            self.failures.rows[first:last] - np.int32(start), self.failures.codes[first:last], self.failures.messages[first:last]
        )
        return Prediction(self.outputs.slice(start, length), self.stamps.slice(start, length), self.head, cut)


def concat(parts: Sequence[Prediction]) -> Prediction:
    """Put the parts of one batch together again; they must agree on the head, or the newest is told."""
    shifted, start = [], 0
    for part in parts:
        shifted.append(Failures(part.failures.rows + np.int32(start), part.failures.codes, part.failures.messages))
        start += len(part)
    outputs, stamps = one_batch([part.outputs for part in parts]), one_batch([part.stamps for part in parts])
    return Prediction(outputs, stamps, max(part.head for part in parts), merge_failures(*shifted))


def no_rows(schema: pa.Schema) -> pa.RecordBatch:
    """An empty batch with these columns."""
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def one_batch(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """The rows of several batches of one schema; `pa.concat_batches` is younger than the pyarrow that PyFlink pins."""
    table = pa.Table.from_batches(parts, parts[0].schema).combine_chunks()
    found = table.to_batches()
    return found[0] if found else parts[0].slice(0, 0)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether rows can be scored now, and why not.

    Attributes:
        head: the head revision in use; 0 when pinned or when there is none.
        versions: loaded, proved and warm.
        refused: the reason why a newer head was not adopted; empty when none was refused.
    """

    ready: bool
    reason: str
    head: int = 0
    versions: tuple[Version, ...] = ()
    refused: str = ""


class Predictor(Protocol):
    """Thread-safe, blocking. Blocking is the backpressure."""

    @property
    def requires(self) -> pa.Schema:
        """Columns that `predict` needs: model inputs, key columns, rollout columns."""
        ...

    @property
    def produces(self) -> pa.Schema:
        """Output columns of `predict`."""
        ...

    @property
    def inflight(self) -> int:
        """Calls worth having in flight; 1 = call inline."""
        ...

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> Prediction:
        """Score a batch by one snapshot of head and models.

        Raises:
            Unavailable: no row is settled; offer the batch again.
            Closed: the predictor was closed.
        """
        ...

    def ready(self) -> Readiness: ...

    def close(self) -> None:
        """Wake blocked callers with Closed."""
        ...
