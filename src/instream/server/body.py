"""Bodies and messages, never more of them than was taken on, and given up when they do not come."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from instream.errors import InvalidRows, TooLarge
from instream.flow.clock import SYSTEM, Clock
from instream.server.gate import Held
from instream.server.limits import Limits

_GZIP = 31  # zlib's wbits for a gzip header
_BUSY_S = 1.0

COPIES = 2
"""Of a REST body while it comes: the transport's own, and ours."""

T = TypeVar("T")


class Bodies:
    """Reads bodies, and gives up those that do not come: `sweep` is called now and then, which costs a request less than a timer."""

    def __init__(self, limits: Limits, clock: Clock = SYSTEM) -> None:
        self._limits = limits
        self._clock = clock
        self._bodies: dict[asyncio.Task[Any], int] = {}  # when each began; bounded by the gate's requests
        self._messages: dict[asyncio.Task[Any], int] = {}  # the same; bounded by the semaphore
        self._given_up: dict[asyncio.Task[Any], float] = {}
        self._places = asyncio.Semaphore(max(1, limits.nbytes // limits.body_bytes // 2))
        self._queued = 0  # messages that wait for a place

    async def read(self, proto: Any, length: int | None, held: Held) -> None:
        """All of a body over REST, into `held`.

        Args:
            length: as the client said; None for a body in chunks, which grows what is held as it comes.
        Raises:
            TooLarge, Overloaded: there is no room for the rest.
            InvalidRows: it did not come in time.
        """
        coming = proto() if length is not None else _chunks(proto, held, self._limits.body_bytes)
        held.content = await self._in_time(coming, self._bodies)

    async def message(self, read: Callable[[], Awaitable[bytes]], held: Held) -> None:
        """The message of a gRPC call, into `held`; a few at once, since nobody says beforehand how large one is.

        Raises:
            InvalidRows: it did not come in time.
            Overloaded: there is no room for it.
        """
        self._queued += 1
        try:
            await self._places.acquire()
        finally:
            self._queued -= 1
        try:
            held.content = await self._in_time(read(), self._messages)
        finally:
            self._places.release()
        held.hold(len(held.content))

    def sweep(self) -> None:
        """Give up what takes too long; a message sooner when others wait for its place."""
        longest_s = self._limits.body_s
        self._give_up(self._bodies, longest_s)
        self._give_up(self._messages, min(_BUSY_S, longest_s) if self._queued else longest_s)

    async def _in_time(self, coming: Awaitable[T], began_ns: dict[asyncio.Task[Any], int]) -> T:
        task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]
        began_ns[task] = self._clock.monotonic_ns()
        try:
            return await coming
        except asyncio.CancelledError as error:
            if (after_s := self._given_up.pop(task, None)) is None:
                raise
            raise InvalidRows(f"the rows did not come within {after_s:g} s") from error
        finally:
            del began_ns[task]

    def _give_up(self, began_ns: dict[asyncio.Task[Any], int], after_s: float) -> None:
        before_ns = self._clock.monotonic_ns() - int(after_s * 1e9)
        for task in [task for task, began in began_ns.items() if began < before_ns]:
            self._given_up[task] = after_s
            task.cancel()


async def _chunks(proto: Any, held: Held, most: int) -> bytes:
    parts, size = [], 0
    async for chunk in proto:
        size += len(chunk)
        if size > most:
            raise TooLarge(f"a body of more than {most:,} bytes: no more are taken; send fewer rows at once")
        held.hold(COPIES * size)
        parts.append(chunk)
    return b"".join(parts)


def inflate(held: Held, encoding: str, most: int) -> None:
    """Unpack a body that was compressed. Raises InvalidRows, TooLarge before memory is taken, Overloaded."""
    if encoding == "identity":
        return
    if encoding != "gzip":
        raise InvalidRows(f"content-encoding {encoding[:40]!r}: gzip is known, or none")
    packed, unpacking = held.content, zlib.decompressobj(_GZIP)
    try:
        content = unpacking.decompress(packed, most + 1)
    except zlib.error as error:
        raise InvalidRows(f"the body is no gzip: {error}") from error
    if len(content) > most:
        raise TooLarge(f"the body has more than {most:,} bytes when unpacked: no more are taken; send fewer rows at once")
    if not unpacking.eof:
        raise InvalidRows("the gzip body ends in the middle")
    held.hold(len(packed) + len(content))
    held.content = content
