"""What an engine writes for a batch, aligned with its records: an output, a dead letter, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from instream.pipeline import letters
from instream.records import Headers, Outcome, Records


@dataclass(frozen=True, slots=True)
class Written:
    """A place for each record, so that an engine's own columns (key, timestamp, headers) stay beside it.

    Attributes:
        values: what is written; None where the record was filtered.
        dead: rows whose value is a dead letter, with the headers that say why.
    """

    values: Sequence[bytes | None]
    dead: Mapping[int, Headers]


def written(records: Records, outcome: Outcome, *, pipeline: str) -> Written:
    """Outputs and dead letters of a batch. The record's own headers are kept where `records` has them."""
    if not len(outcome.failures):
        return Written(outcome.values, {})
    found, said = letters(records, outcome, pipeline=pipeline, form="headers")
    assert found.headers is not None
    values = list(outcome.values)
    dead: dict[int, Headers] = {}
    for row, value, headers in zip(outcome.failures.rows.tolist(), said.values, found.headers, strict=True):
        values[row], dead[row] = value, headers or ()
    return Written(values, dead)
