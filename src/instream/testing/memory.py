"""Connectors in memory: a partitioned log, and sinks that are durable when they are told to be."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from instream.connectors.protocol import Lag, Source
from instream.errors import SinkFailed, TransactionAborted
from instream.records import Outcome, Partition, Records


class MemoryLog:
    """A topic and the committed positions of one group.

    Attributes:
        on_commit: called with the positions before they are taken over.
    """

    def __init__(self, partitions: int = 1, topic: str = "in") -> None:
        self.topic = topic
        self.values: list[list[bytes | None]] = [[] for _ in range(partitions)]
        self.committed = {Partition(topic, number): 0 for number in range(partitions)}
        self.commits: list[dict[Partition, int]] = []
        self.on_commit: Callable[[Mapping[Partition, int]], None] = lambda positions: None

    def append(self, values: Iterable[bytes | None]) -> None:
        """Spread values over the partitions in turn."""
        for value in values:
            min(self.values, key=len).append(value)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        self.on_commit(positions)
        self.committed.update(positions)
        self.commits.append(dict(positions))


class MemorySource:
    """Reads a log. `at_poll` holds what happens inside the next polls, one a poll: rebalances, mostly."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._next = dict(log.committed)
        self._revoked: Callable[[], None] = lambda: None
        self._lost: Callable[[], None] = lambda: None
        self.held = False
        self.until_end = True
        self.holds = 0
        self.polls = 0
        self.closed = False
        self.at_poll: deque[Callable[[], None]] = deque()

    def poll(self, rows: int, nbytes: int, timeout_s: float) -> Records | None:
        self.polls += 1
        if self.at_poll:
            self.at_poll.popleft()()
        if self.held:
            return None
        for partition, start in self._next.items():
            values = self._take(partition, start, rows, nbytes)
            if values:
                self._next[partition] = start + len(values)
                return self._records(partition, start, values)
        time.sleep(min(timeout_s, 0.001))
        return None

    def _take(self, partition: Partition, start: int, rows: int, nbytes: int) -> list[bytes | None]:
        taken: list[bytes | None] = []
        for value in self._log.values[partition.number][start : start + rows]:
            nbytes -= len(value or b"")
            if taken and nbytes < 0:
                break
            taken.append(value)
        return taken

    def _records(self, partition: Partition, start: int, values: list[bytes | None]) -> Records:
        end = start + len(values)
        self._next = {key: self._next[key] for key in sorted(self._next, key=lambda key: key == partition)}  # others first next time
        numbers = np.full(len(values), partition.number, np.int32)
        return Records(partition.topic, values, numbers, np.arange(start, end, dtype=np.int64), {partition: end})

    def hold(self) -> None:
        self.held = True
        self.holds += 1

    def release(self) -> None:
        self.held = False

    def commit(self, positions: Mapping[Partition, int]) -> None:
        self._log.commit(positions)

    def rewind(self) -> None:
        self._next = dict(self._log.committed)

    def listen(self, revoked: Callable[[], None], lost: Callable[[], None]) -> None:
        self._revoked, self._lost = revoked, lost

    def revoke(self) -> None:
        """Take the partitions away, with notice, and give them back."""
        self._revoked()
        self.rewind()

    def lose(self) -> None:
        """Take the partitions away, without notice, and give them back."""
        self._lost()
        self.rewind()

    @property
    def ended(self) -> bool:
        return self.until_end and all(self._next[part] >= len(self._log.values[part.number]) for part in self._next)

    def lag(self) -> Lag:
        return Lag(sum(len(self._log.values[part.number]) - done for part, done in self._next.items()))

    def close(self) -> None:
        self.closed = True


class MemorySink:
    """Keeps (source id, value) pairs.

    Attributes:
        lag: so many of the newest tickets are not durable before a flush.
        failing: raises SinkFailed when asked whether something is durable.
    """

    def __init__(self, lag: int = 0) -> None:
        self.lag = lag
        self.failing = False
        self.stuck = False
        self.closed = False
        self._batches: list[list[tuple[str, bytes]]] = []
        self._durable = 0

    @property
    def durable_pairs(self) -> list[tuple[str, bytes]]:
        """What would survive a crash now."""
        return [pair for batch in self._batches[: self._durable] for pair in batch]

    def write(self, records: Records, outcome: Outcome) -> int:
        self._batches.append([(records.source_id(row), value) for row, value in enumerate(outcome.values) if value is not None])
        return len(self._batches)

    def durable(self) -> int:
        if self.failing:
            raise SinkFailed("out: told to fail")
        if not self.stuck:
            self._durable = max(self._durable, len(self._batches) - self.lag)
        return self._durable

    def flush(self, timeout_s: float) -> int:
        if not self.stuck:
            self._durable = len(self._batches)
        return self.durable()

    def close(self) -> None:
        self.flush(0)
        self.closed = True


class MemoryTransactions:
    """What the transactional sinks of one producer share."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.open = False
        self.staged: list[tuple[list[tuple[str, bytes]], tuple[str, bytes]]] = []
        self.aborts_wanted = 0
        self.aborted = 0
        self.committed = 0

    def commit(self, positions: Mapping[Partition, int]) -> None:
        assert self.open
        if self.aborts_wanted:
            self.aborts_wanted -= 1
            raise TransactionAborted("told to abort")
        for kept, pair in self.staged:
            kept.append(pair)
        self.staged.clear()
        self._log.commit(positions)
        self.open = False
        self.committed += 1


class MemoryTransactional:
    """One of the sinks of a producer with transactions; `visible` is what a read_committed reader sees."""

    def __init__(self, transactions: MemoryTransactions) -> None:
        self._shared = transactions
        self.visible: list[tuple[str, bytes]] = []
        self._tickets = 0

    def write(self, records: Records, outcome: Outcome) -> int:
        assert self._shared.open
        self._shared.staged += [
            (self.visible, (records.source_id(row), value)) for row, value in enumerate(outcome.values) if value is not None
        ]
        self._tickets += 1
        return self._tickets

    def durable(self) -> int:
        return self._tickets

    def flush(self, timeout_s: float) -> int:
        return self._tickets

    def begin(self) -> None:
        assert not self._shared.open
        self._shared.open = True

    def commit(self, source: Source, positions: Mapping[Partition, int]) -> None:
        self._shared.commit(positions)

    def abort(self) -> None:
        self._shared.staged.clear()
        self._shared.open = False
        self._shared.aborted += 1

    def close(self) -> None:
        assert not self._shared.open
