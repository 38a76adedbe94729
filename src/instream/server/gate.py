"""What a process has taken on and not yet answered. The event loop's thread alone touches it."""

from __future__ import annotations

import gc
from typing import Any

from instream.errors import Overloaded
from instream.server.limits import Limits

_RETRY_S = 0.1


class Gate:
    """Says no before anything is read."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.requests = 0
        self.nbytes = 0
        self._left = 0

    def enter(self, nbytes: int) -> Held:
        """Take a request on that will hold so many bytes. Raises Overloaded."""
        if self.requests >= self._limits.requests:
            raise Overloaded(f"{self.requests:,} requests are waiting or being scored, the most that are taken on", _RETRY_S)
        held = Held(self)
        held.hold(nbytes)
        self.requests += 1
        return held

    def room(self, nbytes: int, own: int) -> bool:
        """Whether so many bytes more may be held for a request that holds `own`. One alone may always: its own limits bound it."""
        return self.nbytes == own or self.nbytes + nbytes <= self._limits.nbytes

    def leave(self, nbytes: int) -> None:
        """A request that held so many bytes is over.

        Libraries leave some of them in cycles, gRPC a whole call with its message; Python looks for cycles after so many
        objects, and these are few and large.
        """
        self.requests -= 1
        self.nbytes -= nbytes
        self._left += nbytes
        if self._left > self._limits.nbytes // 4:
            self._left = 0
            gc.collect(1)


class Held:
    """The part of one request; `leave` gives it back.

    Attributes:
        content: the request as it came, until it is read.
    """

    __slots__ = ("_gate", "content", "nbytes")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.nbytes = 0
        self.content: Any = b""

    def hold(self, nbytes: int) -> None:
        """From now on so many bytes. Raises Overloaded, and then holds what it held."""
        more = nbytes - self.nbytes
        if more > 0 and not self._gate.room(more, self.nbytes):
            raise Overloaded(f"{self._gate.nbytes:,} bytes of requests are held, and {nbytes:,} more are too many", _RETRY_S)
        self._gate.nbytes += more
        self.nbytes = nbytes

    def take(self) -> Any:
        """What came, to be read; it is kept here no longer."""
        content, self.content = self.content, None
        return content

    def leave(self) -> None:
        """The request is answered."""
        self._gate.leave(self.nbytes)
        self.nbytes, self.content = 0, None
