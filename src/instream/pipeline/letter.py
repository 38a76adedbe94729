"""One dead letter, and how it is written: in headers, or as an envelope of JSON."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from instream.errors import InstreamError
from instream.records import Headers

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


def headers_of(letter: Letter) -> Headers:
    """The record's own headers, and those that say why it is here. What an earlier failure said is replaced."""
    said: dict[str, Any] = {CODE: letter.code, ERROR: letter.error, SOURCE: letter.source, PIPELINE: letter.pipeline}
    if letter.version is not None:
        said[VERSION] = letter.version
    if letter.value is None:
        said[TOMBSTONE] = "true"
    own = [(name, value) for name, value in letter.headers if name not in HEADERS]
    return [*own, *((name, str(text).encode()) for name, text in said.items())]


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
