"""A rig: a source, sinks, and what survives in them. An engine's laws are held against one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from instream.engines.workers.at_least_once import AtLeastOnce
from instream.engines.workers.counting import Counting
from instream.engines.workers.delivery import Delivery
from instream.engines.workers.exactly_once import ExactlyOnce
from instream.engines.workers.judge import Judge
from instream.engines.workers.loop import Loop
from instream.engines.workers.pace import Pace
from instream.engines.workers.scoring import Process, Scoring
from instream.records import Partition
from instream.testing.arithmetic import originals
from instream.testing.memory import MemoryLog, MemorySink, MemorySource, MemoryTransactional, MemoryTransactions

PACE = Pace(rows=50, nbytes=1 << 20, calls=1, hold_s=0.5, grace_s=10.0)


class Rig(Protocol):
    """Everything that an engine joins, seen from outside."""

    def feed(self, values: Sequence[bytes | None]) -> None: ...

    def loop(self, pipeline: Process, *, pace: Pace = PACE, judge: Judge | None = None) -> Loop:
        """A new loop of the same group, which ends where the source ends."""
        ...

    def fed(self) -> Mapping[str, bytes | None]:
        """Values by source id, in the order of their partitions."""
        ...

    def outputs(self) -> list[tuple[str, bytes]]:
        """Source ids and outputs that survive a crash now, in the order of each source partition."""
        ...

    def letters(self) -> list[tuple[str, bytes]]:
        """Source ids and dead letters that survive a crash now."""
        ...

    def committed(self) -> Mapping[Partition, int]: ...


def join(source: MemorySource, pipeline: Process, delivery: Delivery, counting: Counting, pace: Pace, judge: Judge | None) -> Loop:
    """A loop around a pipeline whose dead letters are the original bytes."""
    scoring = Scoring(pipeline, originals)
    return Loop(source, scoring, delivery, judge, counting, pace)


class MemoryRig:
    """In memory, at least once; the newest two writes are not durable until a flush."""

    def __init__(self, partitions: int = 2) -> None:
        self.log = MemoryLog(partitions)
        self.sink = MemorySink(lag=2)
        self.dead_letters = MemorySink(lag=1)
        self.source = MemorySource(self.log)

    def feed(self, values: Sequence[bytes | None]) -> None:
        self.log.append(values)

    def loop(self, pipeline: Process, *, pace: Pace = PACE, judge: Judge | None = None) -> Loop:
        counting = Counting("laws")
        self.source = MemorySource(self.log)
        delivery = AtLeastOnce(self.source, self.sink, self.dead_letters, counting, interval_s=0.001)
        return join(self.source, pipeline, delivery, counting, pace, judge)

    def fed(self) -> Mapping[str, bytes | None]:
        return ids_of(self.log)

    def outputs(self) -> list[tuple[str, bytes]]:
        return self.sink.durable_pairs

    def letters(self) -> list[tuple[str, bytes]]:
        return self.dead_letters.durable_pairs

    def committed(self) -> Mapping[Partition, int]:
        return self.log.committed


class TransactionsRig:
    """In memory, exactly once."""

    def __init__(self, partitions: int = 2) -> None:
        self.log = MemoryLog(partitions)
        self.transactions = MemoryTransactions(self.log)
        self.sink = MemoryTransactional(self.transactions)
        self.dead_letters = MemoryTransactional(self.transactions)
        self.source = MemorySource(self.log)

    def feed(self, values: Sequence[bytes | None]) -> None:
        self.log.append(values)

    def loop(self, pipeline: Process, *, pace: Pace = PACE, judge: Judge | None = None) -> Loop:
        counting = Counting("laws")
        self.source = MemorySource(self.log)
        if self.transactions.open:  # of a predecessor that crashed: a new producer fences it
            self.sink.abort()
        delivery = ExactlyOnce(self.source, self.sink, self.dead_letters, counting, interval_s=0.001, rows=10 * pace.rows)
        return join(self.source, pipeline, delivery, counting, pace, judge)

    def fed(self) -> Mapping[str, bytes | None]:
        return ids_of(self.log)

    def outputs(self) -> list[tuple[str, bytes]]:
        return self.sink.visible

    def letters(self) -> list[tuple[str, bytes]]:
        return self.dead_letters.visible

    def committed(self) -> Mapping[Partition, int]:
        return self.log.committed


def ids_of(log: MemoryLog) -> dict[str, bytes | None]:
    """Values by source id."""
    return {f"{log.topic}:{number}:{offset}": value for number, values in enumerate(log.values) for offset, value in enumerate(values)}
