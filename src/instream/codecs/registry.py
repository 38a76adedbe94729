"""Codecs by the name of the format that a connector carries. A new one is a file here and a line in this table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import pyarrow as pa

from instream.codecs.fields import Echo, Field
from instream.codecs.protocol import Decoder, Encoder
from instream.errors import SettingsInvalid

_CODECS: Mapping[str, str] = {
    "json": "instream.codecs.json",
    "arrow": "instream.codecs.arrow",
}


def decoder(format: str, fields: Sequence[Field], echo: Sequence[Echo], record_bytes_max: int) -> Decoder:
    """A decoder for some fields.

    Args:
        format: what the source carries, "json" or "arrow".
        echo: what is copied to the output; one with a type becomes a column of it.
        record_bytes_max: a larger record is a failure.
    Raises:
        SettingsInvalid: a field cannot be read in this format.
    """
    made: Decoder = _codec(format).decoder(fields, echo, record_bytes_max)
    return made


def encoder(format: str, echo: Sequence[Echo], schema: pa.Schema) -> Encoder:
    """An encoder for echo fields and columns. Raises SettingsInvalid when it cannot write them."""
    names = [*(each.name for each in echo), *schema.names]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsInvalid(f"output.echo: the output would have two fields {twice!r}; leave one out, or rename the model's output")
    made: Encoder = _codec(format).encoder(echo, schema)
    return made


def _codec(format: str) -> Any:
    if format not in _CODECS:
        raise SettingsInvalid(f"no codec for the format {format!r}: expected one of {', '.join(_CODECS)}")
    return import_module(_CODECS[format])
