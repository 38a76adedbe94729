"""Try candidates in their order; the first that equals the original on the proof set is taken."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from instream.compare import Comparison, compare
from instream.errors import ConversionRefused
from instream.formats.chain import Chain, load_chain
from instream.package import Candidate, Step, Tolerance
from instream.publishing.original import Conversion
from instream.signature import Signature

_ROWS, _TIMED_ROWS, _REASON_MAX = 10_000, 1_000, 400


@dataclass(frozen=True, slots=True)
class Proof:
    """Rows and what the original gave for them."""

    inputs: pa.RecordBatch
    outputs: pa.RecordBatch
    tolerance: Mapping[str, Tolerance]


@dataclass(frozen=True, slots=True)
class Taken:
    """The candidate that passed: where its files are, how every candidate went, and what this one costs here."""

    steps: tuple[Step, ...]
    folder: Path
    candidates: tuple[Candidate, ...]
    comparison: Comparison
    us_per_row: float


def prove(conversions: Iterable[Conversion], signature: Signature, proof: Proof, folder: Path) -> Taken:
    """Find the first candidate that equals the original.

    A converted model is held to half of the tolerance, so that rows which no sample has keep to the whole of it.

    Raises:
        ConversionRefused: none does; shows each one's reason and worst row.
    """
    tried: list[Candidate] = []
    for number, conversion in enumerate(conversions):
        place = folder / f"candidate-{number}"
        place.mkdir()
        try:
            steps = conversion.write(place)
            chain = load_chain(signature, steps, {step.file: place / step.file for step in steps})
            got = score_all(chain, proof.inputs)
        except Exception as error:  # converters and runtimes raise whatever they like: that candidate is out
            tried.append(Candidate(conversion.chain, False, reason=_one_line(error)))
            continue
        found = compare(proof.outputs, got, proof.tolerance if conversion.exact else _halved(proof.tolerance))
        if found.worst is None:
            tried.append(Candidate(conversion.chain, True, _written(found.error)))
            return Taken(steps, place, tuple(tried), found, _us_per_row(chain, proof.inputs))
        values = _values(proof.inputs, found.worst.row)
        reason = f"{found.worst}; its inputs: {values}"[:_REASON_MAX]
        tried.append(Candidate(conversion.chain, False, _written(found.error), reason))
    lines = "\n".join(f"  {each.chain}: {each.reason}" for each in tried)
    raise ConversionRefused(f"nothing reproduces the original on {proof.inputs.num_rows:,} rows:\n{lines}")


def score_all(chain: Chain, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Score in parts, so that a large sample needs no more memory than a large batch."""
    parts = [chain.score(batch.slice(at, _ROWS)) for at in range(0, batch.num_rows, _ROWS)]
    return pa.Table.from_batches(parts).combine_chunks().to_batches()[0]


def _us_per_row(chain: Chain, batch: pa.RecordBatch) -> float:
    """The quickest of three, for a batch of at most 1,000 rows."""
    some = batch.slice(0, _TIMED_ROWS)
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        chain.score(some)
        taken.append(time.perf_counter() - start)
    return float(round(min(taken) / some.num_rows * 1e6, 3))


def _written(error: float) -> float | None:
    """JSON has no infinity: None where a value is not finite on one side only."""
    return error if math.isfinite(error) else None


def _halved(tolerance: Mapping[str, Tolerance]) -> Mapping[str, Tolerance]:
    return {name: Tolerance(each.atol / 2, each.rtol / 2) for name, each in tolerance.items()}


def _values(batch: pa.RecordBatch, row: int) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in batch.slice(row, 1).to_pylist()[0].items())


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return (text if len(text) <= _REASON_MAX else text[: _REASON_MAX - 1] + "…") if text else type(error).__name__
