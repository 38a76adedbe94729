"""The dead letters of a batch: records that could not be scored, with their original bytes and the reason, ready for a sink.

Two forms. Where the sink carries headers (Kafka), the record is as it was and the reason is in headers. Elsewhere
each is one JSON envelope on a line, read back by `read_envelope`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa

from instream.failures import NONE, Failures, Rows
from instream.pipeline.letter import MESSAGE_CHARS_MAX, Letter, envelope, headers_of
from instream.records import Headers, Outcome, Records

Form = Literal["headers", "envelope"]


def letters(records: Records, outcome: Outcome, *, pipeline: str, form: Form) -> tuple[Records, Outcome]:
    """The dead letters of a batch, as records and an outcome that a sink writes.

    A tombstone is written as an empty value, since an outcome's None writes nothing; header or envelope tell it apart.
    """
    rows = outcome.failures.rows
    taken = taken_records(records, rows)
    stamps = outcome.stamps.take(pa.array(rows))
    versions = stamps.column("version").to_pylist()
    found = [_letter(records, outcome.failures, at, row, versions[at], pipeline) for at, row in enumerate(rows.tolist())]
    if form == "headers":
        values = [letter.value or b"" for letter in found]
        taken = _with_headers(taken, [headers_of(letter) for letter in found])
    else:
        values = [envelope(letter) for letter in found]
    return taken, Outcome(values, NONE, np.empty(0, np.int32), stamps, outcome.head)


def taken_records(records: Records, rows: Rows) -> Records:
    """Some rows of a batch; the positions are the whole batch's."""
    chosen = rows.tolist()
    return Records(
        topic=records.topic,
        values=[records.values[row] for row in chosen],
        partitions=records.partitions[rows],
        offsets=records.offsets[rows],
        positions=records.positions,
        keys=None if records.keys is None else [records.keys[row] for row in chosen],
        headers=None if records.headers is None else [records.headers[row] for row in chosen],
        timestamps=None if records.timestamps is None else records.timestamps[rows],
    )


def _letter(records: Records, failures: Failures, at: int, row: int, version: int | None, pipeline: str) -> Letter:
    own = records.headers[row] if records.headers is not None else None
    return Letter(
        code=failures.codes[at],
        error=shortened(failures.messages[at]),
        source=f"{records.topic}/{records.partitions[row]}/{records.offsets[row]}",
        pipeline=pipeline,
        version=version,
        timestamp=None if records.timestamps is None else int(records.timestamps[row]),
        key=None if records.keys is None else records.keys[row],
        headers=tuple((name, value) for name, value in own or ()),
        value=records.values[row],
    )


def shortened(message: str) -> str:
    """A message of bounded length."""
    return message if len(message) <= MESSAGE_CHARS_MAX else message[: MESSAGE_CHARS_MAX - 1] + "…"


def _with_headers(records: Records, headers: list[Headers]) -> Records:
    return Records(
        records.topic, records.values, records.partitions, records.offsets, records.positions, records.keys, headers, records.timestamps
    )
