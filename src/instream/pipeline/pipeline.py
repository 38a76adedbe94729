"""The way of a batch through decode, features, predict and encode; each record ends in exactly one place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from instream.codecs import Decoder, EchoColumn, Encoder
from instream.failures import NONE, Code, Failures, Rows, failures_of, merge
from instream.features import FeatureStep
from instream.flow.bisect import isolate
from instream.observe.metrics import STAGE_SECONDS
from instream.pipeline.part import Part, decoded_part, joined, others, picked_echo
from instream.predictor import STAMPS, Call, Prediction, Predictor, no_rows
from instream.records import Outcome, Records
from instream.rows import ArrowRows

Values = Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Thread-safe; pure but for the predictor.

    Attributes:
        name: of the pipeline, for its metrics.
        features: a step of the pipeline's own; one that was published with the model is the predictor's affair.
        outputs, stamps: the columns that are written, by name.
    """

    name: str
    decoder: Decoder
    features: FeatureStep | None
    predictor: Predictor
    encoder: Encoder
    outputs: Sequence[str]
    stamps: Sequence[str]

    def process(self, records: Records, call: Call = Call()) -> Outcome:
        """Score a batch.

        Args:
            call: `ids` and `pin` are aligned with `records` where they are arrays.
        Raises:
            Unavailable, Closed: from the predictor; no record is settled.
            FeaturesInvalid: the feature step does not work row by row, or does not give what it gave at first.
            SourceFailed: a columnar batch lacks a column.
        """
        start = time.perf_counter()
        part = decoded_part(self.decoder.decode(records.values))
        start = self._took("decode", start)
        if self.features is not None:
            part = part.featured(self.features.apply(part.batch))
            start = self._took("features", start)
        if len(part):
            prediction = self.predictor.predict(part.batch, _call_of(call, part.rows, len(records)))
        else:
            prediction = Prediction(no_rows(self.predictor.produces), no_rows(STAMPS), 0, NONE)
        assert len(prediction) == len(part), (len(prediction), len(part))
        start = self._took("predict", start)
        outcome = self._encoded(records, part, prediction)
        self._took("encode", start)
        return outcome

    def _took(self, stage: str, start: float) -> float:
        now = time.perf_counter()
        STAGE_SECONDS.labels(self.name, stage).observe(now - start)
        return now

    def _encoded(self, records: Records, part: Part, prediction: Prediction) -> Outcome:
        failed, filtered = prediction.failures.without(Code.FILTERED)
        stamps = _spread(prediction.stamps, part.rows, len(records))
        failures, filtered = merge(part.failures, failed.at(part.rows)), joined(part.filtered, part.rows[filtered])
        outputs, scored, echo, rows = prediction.outputs, prediction.stamps, part.echo, part.rows
        if len(prediction.failures):
            kept = others(prediction.failures.rows, len(prediction))
            outputs, scored = outputs.take(pa.array(kept)), scored.take(pa.array(kept))
            echo, rows = picked_echo(echo, kept, len(prediction)), rows[kept]
        columns = pa.RecordBatch.from_arrays(
            [*(outputs.column(name) for name in self.outputs), *(scored.column(name) for name in self.stamps)],
            names=[*self.outputs, *self.stamps],
        )
        values, bad = encoded(self.encoder, echo, columns)
        if len(bad):
            failures, rows = merge(failures, bad.at(rows)), rows[others(bad.rows, len(rows))]
        return _settled(Outcome(_aligned(values, rows, len(records)), failures, filtered, stamps, prediction.head), len(rows))


def encoded(encoder: Encoder, echo: Sequence[EchoColumn], columns: pa.RecordBatch) -> tuple[Values, Failures]:
    """The rows that can be written, and those that cannot: each fails alone."""
    bad: list[tuple[int, Code, str]] = []
    if not columns.num_rows:
        return encoder.encode(echo, columns), NONE

    def encode(start: int, length: int) -> Values:
        if length == columns.num_rows:
            return encoder.encode(echo, columns)
        return encoder.encode([column[start : start + length] for column in echo], columns.slice(start, length))

    parts = isolate(encode, columns.num_rows, lambda row, error: bad.append((row, Code.ENCODE, f"{type(error).__name__}: {error}")))
    values = parts[0][2] if len(parts) == 1 else [value for _, _, each in parts for value in each]
    return values, failures_of(bad)


def _call_of(call: Call, rows: Rows, of: int) -> Call:
    """The call for some of the records."""
    if len(rows) == of or (call.ids is None and not isinstance(call.pin, pa.Array)):
        return call
    index = pa.array(rows)
    ids = None if call.ids is None else call.ids.take(index)
    return replace(call, ids=ids, pin=call.pin.take(index) if isinstance(call.pin, pa.Array) else call.pin)


def _settled(outcome: Outcome, written: int) -> Outcome:
    """Law 1: each record is exactly one of written, failed, filtered."""
    fates = written + len(outcome.failures) + len(outcome.filtered)
    assert fates == len(outcome.values) == outcome.stamps.num_rows, (
        written,
        len(outcome.failures),
        len(outcome.filtered),
        len(outcome.values),
    )
    return outcome


def _aligned(values: Values, rows: Rows, of: int) -> Values:
    """Values at their records' places, None between."""
    if len(rows) == of:
        return values
    if isinstance(values, ArrowRows):
        present = np.zeros(of, bool)
        present[rows] = True
        return ArrowRows(_spread(values.batch, rows, of), present.tolist())
    spread: list[bytes | None] = []
    for before, row in enumerate(others(rows, of).tolist()):  # by slices, since few are missing
        spread += values[len(spread) - before : row - before]
        spread.append(None)
    spread += values[len(spread) - (of - len(rows)) :]
    return spread


def _spread(batch: pa.RecordBatch, rows: Rows, of: int) -> pa.RecordBatch:
    """The rows of a batch at the places `rows`, nulls between."""
    if len(rows) == of:
        return batch
    index = np.zeros(of, np.int32)
    index[rows] = np.arange(len(rows), dtype=np.int32)
    absent = np.ones(of, bool)
    absent[rows] = False
    return batch.take(pa.array(index, mask=absent))
