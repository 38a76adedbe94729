"""Two facts from the header of an Arrow record batch, which pyarrow does not tell: its rows, and whether it is compressed.

Source: Arrow columnar format, "Serialization and Interprocess Communication", Message.fbs: in `Message` the fields are
version, header_type, header, bodyLength; in `RecordBatch` length, nodes, buffers, compression. In a flatbuffer a table
begins with the distance back to its vtable, and that has, after two sizes, the place of each field, 0 where it is absent.
"""

from __future__ import annotations

import struct

import pyarrow as pa

from instream.errors import InvalidRows

_HEADER, _LENGTH, _COMPRESSION = 2, 0, 3


def record_batch_rows(metadata: pa.Buffer) -> int:
    """Rows of a record batch message.

    Raises:
        InvalidRows: its buffers are compressed: their real size is known only once memory was taken for them.
    """
    header = memoryview(metadata)
    try:
        message = _follow(header, 0)
        batch = _follow(header, _field(header, message, _HEADER))
        if _field(header, batch, _COMPRESSION):
            raise InvalidRows("the stream has compressed buffers: send it uncompressed, or compress the whole body with gzip")
        length = _field(header, batch, _LENGTH)
        rows: int = struct.unpack_from("<q", header, length)[0] if length else 0
    except struct.error as error:
        raise InvalidRows(f"the header of a record batch is broken: {error}") from error
    if rows < 0:
        raise InvalidRows(f"a record batch says that it has {rows} rows")
    return rows


def _follow(header: memoryview, at: int) -> int:
    """The table that an offset points to."""
    return at + int(struct.unpack_from("<I", header, at)[0])


def _field(header: memoryview, table: int, number: int) -> int:
    """Where a field of a table is; 0 where it is absent."""
    vtable = table - struct.unpack_from("<i", header, table)[0]
    if vtable < 0 or struct.unpack_from("<H", header, vtable)[0] < 6 + 2 * number:
        return 0
    place: int = struct.unpack_from("<H", header, vtable + 4 + 2 * number)[0]
    return table + place if place else 0
