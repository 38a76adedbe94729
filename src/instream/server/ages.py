"""Connections have a maximum age, so that a new process gets its share of the load and a leaving one none."""

from __future__ import annotations

from collections import OrderedDict

from instream.flow.clock import SYSTEM, Clock

_KNOWN_MAX = 10_000


class Ages:
    """When each HTTP/1.1 connection was first seen, by its client's address. gRPC does this for itself."""

    def __init__(self, age_s: float, clock: Clock = SYSTEM) -> None:
        self._age_ns = int(age_s * 1e9)
        self._clock = clock
        self._first_ns: OrderedDict[str, int] = OrderedDict()

    def over(self, client: str) -> bool:
        """Whether this answer should be the connection's last."""
        now_ns = self._clock.monotonic_ns()
        first_ns = self._first_ns.setdefault(client, now_ns)
        if now_ns - first_ns >= self._age_ns:
            del self._first_ns[client]
            return True
        if len(self._first_ns) > _KNOWN_MAX:
            self._first_ns.popitem(last=False)
        return False
