"""When to start a crashed worker again, and when to stop trying."""

from __future__ import annotations

from collections import deque
from random import Random

from instream.flow.backoff import backoff
from instream.flow.clock import Clock
from instream.process.blackbox import Flight

CRASHES_MAX = 5
WITHIN_S = 60.0
_FIRST_S, _LONGEST_S = 0.2, 10.0


class Crashes:
    """Of one slot. Five within a minute are a loop."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._times_ns: deque[int] = deque(maxlen=CRASHES_MAX)
        self._waits = backoff(_FIRST_S, _LONGEST_S, random)

    def crashed(self) -> int | None:
        """Count a crash; when to start again, on the monotonic clock in ns, or None when it is a loop."""
        now_ns = self._clock.monotonic_ns()
        if self._times_ns and now_ns - self._times_ns[-1] > WITHIN_S * 1e9:
            self._waits = backoff(_FIRST_S, _LONGEST_S, self._random)
        self._times_ns.append(now_ns)
        if len(self._times_ns) == CRASHES_MAX and now_ns - self._times_ns[0] <= WITHIN_S * 1e9:
            return None
        return now_ns + int(next(self._waits) * 1e9)


def explain(slot: int, how: str, flight: Flight) -> str:
    """What is known about a crash loop, and what can be done."""
    versions = ", ".join(str(version) for version in flight.versions) or "not loaded yet"
    model = f"{flight.model or 'the model'}: version {versions}" + (f" (head {flight.head})" if flight.head else "")
    ranges = "; ".join(f"{where} offsets {first} to {last}" for where, (first, last) in sorted(flight.ranges.items())) or "none"
    return (
        f"worker {slot} crashed {CRASHES_MAX} times within {WITHIN_S:.0f} s and is not started again. Last: {how}\n"
        f"  {model}. Being scored: {ranges}. Nothing of it is committed.\n"
        f"  If it began with that version: instream rollback {flight.model or 'NAME'}\n"
        "  If it is a record, find it without harm: instream run FILE --limit 1000 --set sink.url=- --set limits.rows=1"
    )
