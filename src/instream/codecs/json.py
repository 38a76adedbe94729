"""JSON, one object a record."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from instream.codecs.fields import Echo, Field
from instream.codecs.json_decode import JsonDecoder
from instream.codecs.json_encode import JsonEncoder


def decoder(fields: Sequence[Field], echo: Sequence[Echo], record_bytes_max: int) -> JsonDecoder:
    """See `registry.decoder`."""
    return JsonDecoder(fields, echo, record_bytes_max)


def encoder(echo: Sequence[Echo], schema: pa.Schema) -> JsonEncoder:
    """See `registry.encoder`."""
    return JsonEncoder([each.name for each in echo], schema)
