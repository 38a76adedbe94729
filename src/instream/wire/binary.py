"""Raw tensor contents: little-endian numbers side by side; each text preceded by its length, four bytes."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa

from instream.errors import InvalidRows
from instream.wire.answered import Values
from instream.wire.columns import Column


def read(content: memoryview | bytes, kind: pa.DataType, count: int, name: str) -> Column:
    """`count` values; numbers are not copied. Raises InvalidRows when there are not exactly so many."""
    if pa.types.is_string(kind):
        return _texts(memoryview(content), count, name)
    dtype = np.dtype(kind.to_pandas_dtype()).newbyteorder("<")
    if len(content) != count * dtype.itemsize:
        raise InvalidRows(f"{name}: {len(content)} bytes, and {count} values of {kind} have {count * dtype.itemsize}")
    values = np.frombuffer(content, dtype)
    if dtype.kind == "b" and len(values) and values.view(np.uint8).max() > 1:
        raise InvalidRows(f"{name}: a bool is 0 or 1, one byte each")
    return values


def write(values: Values, kind: pa.DataType) -> bytes:
    """The contents of a tensor; a text that is null is empty, a number that is null NaN."""
    if pa.types.is_string(kind):
        texts = [(text or "").encode() for text in np.asarray(values, object).reshape(-1)]
        return b"".join(part for text in texts for part in (struct.pack("<I", len(text)), text))
    return np.ascontiguousarray(values, kind.to_pandas_dtype()).tobytes()


def _texts(content: memoryview, count: int, name: str) -> pa.Array:
    texts: list[str] = []
    at = 0
    try:
        while at < len(content) and len(texts) <= count:
            (length,) = struct.unpack_from("<I", content, at)
            at += 4 + length
            if at > len(content):
                raise InvalidRows(f"{name}: text {len(texts)} is {length} bytes long, and the content ends before")
            texts.append(str(content[at - length : at], "utf-8"))
    except struct.error as error:
        raise InvalidRows(f"{name}: the content ends inside the length of text {len(texts)}") from error
    except UnicodeDecodeError as error:
        raise InvalidRows(f"{name}: text {len(texts)} is not UTF-8: {error.reason}") from error
    if len(texts) != count or at != len(content):
        raise InvalidRows(f"{name}: the content does not have exactly {count} texts, each with its length before it")
    return pa.array(texts, pa.string())
