"""Dead letters at a URL, in either form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from instream import settings
from instream.connectors import carries_headers
from instream.connectors.look import look
from instream.pipeline.letter import Letter, read_envelope, read_headers
from instream.records import Records

ALL = 1 << 62


def dead_letters(url: str, options: dict[str, str | int | float | bool], limit: int = ALL) -> Iterator[Letter]:
    """The letters at a URL, oldest first; nothing is committed.

    Raises:
        SettingsInvalid, SourceFailed: there is nothing to read at the URL.
        InstreamError: what is there is no dead letter.
    """
    source = settings.Source(url=url, options=options)
    headers = carries_headers(url)
    for records in look(source, folder=Path(), rows=limit):
        yield from letters_of(records, headers)


def letters_of(records: Records, headers: bool) -> list[Letter]:
    """The letters in a batch; `headers` where the connector carries them, else envelopes. Raises InstreamError."""
    if not headers:
        return [read_envelope(value or b"") for value in records.values]
    keys, sent, times = records.keys, records.headers, records.timestamps
    return [
        read_headers(
            value,
            keys[row] if keys is not None else None,
            (sent[row] if sent is not None else None) or (),
            int(times[row]) if times is not None else None,
        )
        for row, value in enumerate(records.values)
    ]
