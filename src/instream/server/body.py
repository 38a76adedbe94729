"""The body of a REST request, never more of it than was taken on."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

from instream.errors import InvalidRows, TooLarge
from instream.flow.clock import SYSTEM, Clock
from instream.server.gate import Held
from instream.server.limits import Limits

_GZIP = 31  # zlib's wbits for a gzip header


class Bodies:
    """Reads bodies, and gives up those that do not come: `sweep` is called now and then, which costs a request less than a timer."""

    def __init__(self, limits: Limits, clock: Clock = SYSTEM) -> None:
        self._limits = limits
        self._clock = clock
        self._began_ns: dict[asyncio.Task[None], int] = {}  # bounded by the gate's requests

    async def read(self, proto: Any, length: int | None, held: Held) -> bytes:
        """All of it.

        Args:
            length: as the client said; None for a body in chunks, which grows what is held as it comes.
        Raises:
            TooLarge, Overloaded: there is no room for the rest.
            InvalidRows: it did not come in time.
        """
        task: asyncio.Task[None] = asyncio.current_task()  # type: ignore[assignment]
        self._began_ns[task] = self._clock.monotonic_ns()
        try:
            body: bytes = await proto() if length is not None else await _chunks(proto, held, self._limits.body_bytes)
            return body
        except asyncio.CancelledError as error:
            raise InvalidRows(f"the body did not come within {self._limits.body_s:g} s") from error
        finally:
            del self._began_ns[task]

    def sweep(self) -> None:
        """Give up what takes too long."""
        before_ns = self._clock.monotonic_ns() - int(self._limits.body_s * 1e9)
        for task, began_ns in list(self._began_ns.items()):
            if began_ns < before_ns:
                task.cancel()


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
