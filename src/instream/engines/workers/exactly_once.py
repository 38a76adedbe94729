"""Outputs, dead letters and source positions become visible together, a transaction an interval."""

from __future__ import annotations

from instream.connectors.protocol import Source, Transactional
from instream.engines.workers.batch import Scored
from instream.engines.workers.counting import Counting
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline
from instream.records import Partition


class ExactlyOnce:
    """`dead_letters` writes through the same producer, so that one transaction covers both; None when there is no place for them."""

    def __init__(
        self,
        source: Source,
        sink: Transactional,
        dead_letters: Transactional | None,
        counting: Counting,
        *,
        interval_s: float,
        rows: int,
        clock: Clock = SYSTEM,
    ) -> None:
        self._source = source
        self._sink = sink
        self._dead_letters = dead_letters
        self._counting = counting
        self._interval_ns = int(interval_s * 1e9)
        self._rows_max = rows
        self._clock = clock
        self._positions: dict[Partition, int] = {}
        self._polled_ns: list[int] = []  # one a batch of the open transaction, bounded by its rows
        self._rows = 0
        self._begun_ns = 0

    def write(self, scored: Scored) -> None:
        records = scored.batch.records
        if not self.pending:
            self._sink.begin()
            self._begun_ns = self._clock.monotonic_ns()
        self._positions.update(records.positions)  # first: from here on there is something to abort
        self._polled_ns.append(scored.batch.polled_ns)
        self._rows += len(records)
        self._sink.write(records, scored.outcome)
        if scored.letters is not None:
            assert self._dead_letters is not None
            self._dead_letters.write(*scored.letters)

    @property
    def pending(self) -> bool:
        return bool(self._positions)

    def tick(self) -> None:
        due = self._clock.monotonic_ns() - self._begun_ns >= self._interval_ns or self._rows >= self._rows_max
        if self.pending and due:
            self._commit()

    def settle(self, deadline: Deadline) -> bool:
        """One commit: it is all or nothing, and the broker's transaction timeout bounds it."""
        if self.pending:
            self._commit()
        return True

    def abandon(self) -> None:
        if self.pending:
            self._forget()
            self._sink.abort()

    def close(self) -> None:
        self._sink.close()

    def _commit(self) -> None:
        self._sink.commit(self._source, self._positions)
        now_ns = self._clock.monotonic_ns()
        for polled_ns in self._polled_ns:
            self._counting.durable(now_ns - polled_ns)
        self._forget()
        self._counting.committed()

    def _forget(self) -> None:
        self._positions.clear()
        self._polled_ns.clear()
        self._rows = 0
