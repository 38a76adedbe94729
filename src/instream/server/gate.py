"""What a process has taken on and not yet answered. The event loop's thread alone touches it."""

from __future__ import annotations

from instream.errors import Overloaded
from instream.server.limits import Limits

_RETRY_S = 0.1


class Gate:
    """Says no before anything is read."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.requests = 0
        self.nbytes = 0

    def enter(self, nbytes: int) -> Held:
        """Take a request on that will hold so many bytes. Raises Overloaded."""
        if self.requests >= self._limits.requests:
            raise Overloaded(f"{self.requests:,} requests are waiting or being scored, the most that are taken on", _RETRY_S)
        held = Held(self)
        held.hold(nbytes)
        self.requests += 1
        return held

    def room(self, nbytes: int) -> bool:
        """Whether so many bytes more may be held. One request alone may always come: its own limit bounds it."""
        return self.nbytes == 0 or self.nbytes + nbytes <= self._limits.nbytes


class Held:
    """The part of one request; `leave` gives it back."""

    __slots__ = ("_gate", "nbytes")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.nbytes = 0

    def hold(self, nbytes: int) -> None:
        """From now on so many bytes. Raises Overloaded, and then holds what it held."""
        more = nbytes - self.nbytes
        if more > 0 and not self._gate.room(more):
            raise Overloaded(f"{self._gate.nbytes:,} bytes of requests are held, and {nbytes:,} more are too many", _RETRY_S)
        self._gate.nbytes += more
        self.nbytes = nbytes

    def leave(self) -> None:
        """The request is answered."""
        self._gate.requests -= 1
        self._gate.nbytes -= self.nbytes
        self.nbytes = 0
