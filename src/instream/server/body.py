"""The body of a REST request, never more of it than was taken on."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from instream.errors import InvalidRows, TooLarge
from instream.server.gate import Held
from instream.server.limits import Limits

_GZIP = 31  # zlib's wbits for a gzip header


async def read_body(proto: Any, length: int | None, held: Held, limits: Limits) -> bytes:
    """All of it.

    Args:
        length: as the client said; None for a body in chunks, which grows what is held as it comes.
    Raises:
        TooLarge, Overloaded: there is no room for the rest.
        InvalidRows: it did not come in time.
    """
    try:
        async with asyncio.timeout(limits.body_s):
            if length is not None:
                body: bytes = await proto()
                return body
            return await _chunks(proto, held, limits.body_bytes)
    except TimeoutError as error:
        raise InvalidRows(f"the body did not come within {limits.body_s:g} s") from error


async def _chunks(proto: Any, held: Held, most: int) -> bytes:
    parts, size = [], 0
    async for chunk in proto:
        size += len(chunk)
        if size > most:
            raise TooLarge(f"a body of more than {most:,} bytes: no more are taken; send fewer rows at once")
        held.hold(size)
        parts.append(chunk)
    return b"".join(parts)


def inflated(body: bytes, encoding: str, held: Held, most: int) -> bytes:
    """The content of a body that was compressed. Raises InvalidRows, TooLarge before memory is taken, Overloaded."""
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise InvalidRows(f"content-encoding {encoding[:40]!r}: gzip is known, or none")
    unpacking = zlib.decompressobj(_GZIP)
    try:
        content = unpacking.decompress(body, most + 1)
    except zlib.error as error:
        raise InvalidRows(f"the body is no gzip: {error}") from error
    if len(content) > most:
        raise TooLarge(f"the body has more than {most:,} bytes when unpacked: no more are taken; send fewer rows at once")
    if not unpacking.eof:
        raise InvalidRows("the gzip body ends in the middle")
    held.hold(len(body) + len(content))
    return content
