"""Positions are committed once every output and dead letter before them is durable."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from instream.connectors.protocol import Sink, Source
from instream.engines.workers.batch import Scored
from instream.engines.workers.counting import Counting
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline
from instream.records import Partition


@dataclass(frozen=True, slots=True)
class _Written:
    positions: Mapping[Partition, int]
    output: int
    letter: int
    polled_ns: int


class AtLeastOnce:
    """`dead_letters` is None when the pipeline has no place for them; the loop then lets none come here."""

    def __init__(
        self, source: Source, sink: Sink, dead_letters: Sink | None, counting: Counting, *, interval_s: float, clock: Clock = SYSTEM
    ) -> None:
        self._source = source
        self._sink = sink
        self._dead_letters = dead_letters
        self._counting = counting
        self._interval_ns = int(interval_s * 1e9)
        self._clock = clock
        self._written: deque[_Written] = deque()  # bounded by the sinks, whose `write` blocks at their byte limits
        self._letter = 0
        self._done: dict[Partition, int] = {}
        self._committed_ns = clock.monotonic_ns()

    def write(self, scored: Scored) -> None:
        records = scored.batch.records
        output = self._sink.write(records, scored.outcome)
        if scored.letters is not None:
            assert self._dead_letters is not None
            self._letter = self._dead_letters.write(*scored.letters)
        self._written.append(_Written(records.positions, output, self._letter, scored.batch.polled_ns))

    @property
    def pending(self) -> bool:
        return bool(self._written or self._done)

    def tick(self) -> None:
        self._collect()
        if self._done and self._clock.monotonic_ns() - self._committed_ns >= self._interval_ns:
            self._commit()

    def settle(self, deadline: Deadline) -> bool:
        for sink in (self._sink, self._dead_letters):
            if sink is not None:
                sink.flush(max(0.0, deadline.left_s(self._clock)))
        self._collect()
        if self._done:
            self._commit()
        return not self._written

    def abandon(self) -> None:
        self._written.clear()
        self._done.clear()

    def close(self) -> None:
        for sink in (self._sink, self._dead_letters):
            if sink is not None:
                sink.close()

    def _collect(self) -> None:
        """Take over the positions up to which everything is durable."""
        if not self._written:
            return
        outputs = self._sink.durable()
        letters = self._dead_letters.durable() if self._dead_letters is not None else 0
        now_ns = self._clock.monotonic_ns()
        while self._written and self._written[0].output <= outputs and self._written[0].letter <= letters:
            first = self._written.popleft()
            self._done.update(first.positions)
            self._counting.durable(now_ns - first.polled_ns)

    def _commit(self) -> None:
        self._source.commit(self._done)
        self._done.clear()
        self._committed_ns = self._clock.monotonic_ns()
        self._counting.committed()
