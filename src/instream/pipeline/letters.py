"""Dead letters: records that could not be scored, with their original bytes and the reason, ready for a sink.

Two forms. Where the sink carries headers (Kafka), the record is as it was and the reason is in headers. Elsewhere
each is one JSON envelope on a line, read back by `read_envelope`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa

from instream.errors import InstreamError
from instream.failures import NONE, Failures, Rows
from instream.records import Headers, Outcome, Records

Form = Literal["headers", "envelope"]

MESSAGE_CHARS_MAX = 1_000
"""Of an error text in a dead letter; a model's own exception can be of any length."""

CODE, ERROR, SOURCE, VERSION, PIPELINE, TOMBSTONE = (
    "instream-error-code",
    "instream-error",
    "instream-source",
    "instream-version",
    "instream-pipeline",
    "instream-tombstone",
)
HEADERS = (CODE, ERROR, SOURCE, VERSION, PIPELINE, TOMBSTONE)


class Base64(msgspec.Struct, frozen=True):
    """Bytes that are no text."""

    base64: str


Text = str | Base64 | None


class Letter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One dead letter.

    Attributes:
        source: `topic/partition/offset` of the record.
        version: the model version that it was offered to; None when it got no so far.
    """

    code: str
    error: str
    source: str
    pipeline: str
    version: int | None = None
    timestamp: int | None = None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    value: bytes | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A letter as one line of JSON: bytes as text where they are UTF-8, else as {"base64": …}."""

    code: str
    error: str
    source: str
    pipeline: str
    version: int | None = None
    timestamp: int | None = None
    key: Text = None
    headers: tuple[tuple[str, Text], ...] = ()
    value: Text = None


_DECODER = msgspec.json.Decoder(Envelope)


def letters(records: Records, outcome: Outcome, *, pipeline: str, form: Form) -> tuple[Records, Outcome]:
    """The dead letters of a batch, as records and an outcome that a sink writes.

    A tombstone is written as an empty value, since an outcome's None writes nothing; header or envelope tell it apart.
    """
    rows = outcome.failures.rows
    taken = taken_records(records, rows)
    found = [_letter(records, outcome, at, int(row), pipeline) for at, row in enumerate(rows)]
    if form == "headers":
        values = [letter.value or b"" for letter in found]
        taken = _with_headers(taken, [_headers(letter) for letter in found])
    else:
        values = [envelope(letter) for letter in found]
    stamps = outcome.stamps.take(pa.array(rows))
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


def envelope(letter: Letter) -> bytes:
    """One line of JSON. `read_envelope` gives the letter back, byte for byte."""
    return msgspec.json.encode(
        Envelope(
            code=letter.code,
            error=letter.error,
            source=letter.source,
            pipeline=letter.pipeline,
            version=letter.version,
            timestamp=letter.timestamp,
            key=_text(letter.key),
            headers=tuple((name, _text(value)) for name, value in letter.headers),
            value=_text(letter.value),
        )
    )


def read_envelope(line: bytes) -> Letter:
    """Read a line of a dead letter file.

    Raises:
        InstreamError: it is no envelope.
    """
    try:
        read = _DECODER.decode(line)
        return Letter(
            code=read.code,
            error=read.error,
            source=read.source,
            pipeline=read.pipeline,
            version=read.version,
            timestamp=read.timestamp,
            key=_bytes(read.key),
            headers=tuple((name, _bytes(value)) for name, value in read.headers),
            value=_bytes(read.value),
        )
    except (msgspec.MsgspecError, binascii.Error, UnicodeError) as error:
        raise InstreamError(f"not a dead letter of instream, which is one JSON envelope a line: {error}") from error


def read_headers(value: bytes | None, key: bytes | None, headers: Headers, timestamp: int | None = None) -> Letter:
    """Read a dead letter from a sink that carries headers; the letter has the record's own headers only.

    Raises:
        InstreamError: the headers that say why are not there.
    """
    said = {name: content.decode("utf-8", "replace") for name, content in headers if name in HEADERS and content is not None}
    if CODE not in said:
        raise InstreamError(f"not a dead letter of instream: it has no header {CODE}")
    return Letter(
        code=said[CODE],
        error=said.get(ERROR, ""),
        source=said.get(SOURCE, ""),
        pipeline=said.get(PIPELINE, ""),
        version=int(said[VERSION]) if said.get(VERSION, "").isdecimal() else None,
        timestamp=timestamp,
        key=key,
        headers=tuple((name, content) for name, content in headers if name not in HEADERS),
        value=None if TOMBSTONE in said else value,
    )


def _letter(records: Records, outcome: Outcome, at: int, row: int, pipeline: str) -> Letter:
    failures: Failures = outcome.failures
    own = records.headers[row] if records.headers is not None else None
    return Letter(
        code=failures.codes[at],
        error=shortened(failures.messages[at]),
        source=f"{records.topic}/{records.partitions[row]}/{records.offsets[row]}",
        pipeline=pipeline,
        version=outcome.stamps.column("version")[row].as_py(),
        timestamp=None if records.timestamps is None else int(records.timestamps[row]),
        key=None if records.keys is None else records.keys[row],
        headers=tuple((name, value) for name, value in own or ()),
        value=records.values[row],
    )


def shortened(message: str) -> str:
    """A message of bounded length."""
    return message if len(message) <= MESSAGE_CHARS_MAX else message[: MESSAGE_CHARS_MAX - 1] + "…"


def _headers(letter: Letter) -> Headers:
    said: dict[str, Any] = {CODE: letter.code, ERROR: letter.error, SOURCE: letter.source, PIPELINE: letter.pipeline}
    if letter.version is not None:
        said[VERSION] = letter.version
    if letter.value is None:
        said[TOMBSTONE] = "true"
    own = [(name, value) for name, value in letter.headers if name not in HEADERS]  # a replayed record may fail again
    return [*own, *((name, str(text).encode()) for name, text in said.items())]


def _with_headers(records: Records, headers: list[Headers]) -> Records:
    return Records(
        records.topic, records.values, records.partitions, records.offsets, records.positions, records.keys, headers, records.timestamps
    )


def _text(value: bytes | None) -> Text:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Base64(base64.b64encode(value).decode())


def _bytes(text: Text) -> bytes | None:
    if isinstance(text, Base64):
        return base64.b64decode(text.base64, validate=True)
    return None if text is None else text.encode()
