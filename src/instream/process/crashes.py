"""When to start a crashed worker again, and when to stop trying."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from instream.flow.backoff import backoff
from instream.flow.clock import Clock
from instream.process.blackbox import Flight

CRASHES_MAX = 5
_LONG_S = 60.0  # a worker that ran for so long is thought to be well
_FIRST_S, _LONGEST_S = 0.2, 10.0

Ranges = Mapping[str, tuple[int, int]]


class Crashes:
    """Of one slot. Five in a row that got no further are a loop: each soon after the start, over the same records or none."""

    def __init__(self, clock: Clock, random: Random, crashes_max: int = CRASHES_MAX) -> None:
        self._clock = clock
        self._crashes_max = crashes_max
        self._random = random
        self._in_a_row = 0
        self._last: Ranges = {}
        self._started_ns = clock.monotonic_ns()
        self._waits = backoff(_FIRST_S, _LONGEST_S, random)

    def started(self) -> None:
        self._started_ns = self._clock.monotonic_ns()

    def crashed(self, flight: Flight) -> int | None:
        """Count a crash; when to start again, on the monotonic clock in ns, or None when it is a loop."""
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._started_ns > _LONG_S * 1e9 or not same_place(self._last, flight.ranges):
            self._in_a_row = 0
            self._waits = backoff(_FIRST_S, _LONGEST_S, self._random)
        self._in_a_row += 1
        self._last = flight.ranges or self._last
        if self._in_a_row >= self._crashes_max:
            return None
        return now_ns + int(next(self._waits) * 1e9)


def same_place(before: Ranges, now: Ranges) -> bool:
    """Whether a worker got no further: it scored nothing, or records that it had scored before it crashed the last time."""
    if not before or not now:
        return True
    return any(now[where][0] <= before[where][1] and before[where][0] <= now[where][1] for where in before.keys() & now.keys())


def explain(slot: int, how: str, flight: Flight, crashes_max: int = CRASHES_MAX) -> str:
    """What is known about a crash loop, and what can be done."""
    versions = ", ".join(str(version) for version in flight.versions) or "not loaded yet"
    model = f"{flight.model or 'the model'}: version {versions}" + (f" (head {flight.head})" if flight.head else "")
    ranges = "; ".join(f"{where} offsets {first} to {last}" for where, (first, last) in sorted(flight.ranges.items())) or "none"
    often = f"{crashes_max} times without getting further" if crashes_max > 1 else "and what it had read cannot be read again"
    return (
        f"worker {slot} crashed {often}; it is not started again. Last: {how}\n"
        f"  {model}. Being scored: {ranges}. Nothing of it is committed.\n"
        f"  If it began with that version: instream rollback {flight.model or 'NAME'}\n"
        "  If it is a record, find it without harm: instream run FILE --limit 1000 --set sink.url=- --set limits.rows=1"
    )
