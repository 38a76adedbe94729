"""When outputs came and which version gave them, as the broker noted it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, TopicPartition

from benchmarks.topics import PARTITIONS


@dataclass(frozen=True, slots=True)
class Timeline:
    """Outputs of one run in the order of their append times.

    Attributes:
        times: int64, Unix ms, shape (n,).
        second: bool, shape (n,): version 2 gave it.
        promoted_ms: when version 2 was promoted; 0 when it was not.
    """

    times: npt.NDArray[np.int64]
    second: npt.NDArray[np.bool_]
    promoted_ms: int

    def gap_ms(self, start: int, end: int) -> int:
        """Longest time without an output in a window of Unix ms."""
        inside = self.times[(self.times >= start) & (self.times < end)]
        return int(np.diff(inside).max(initial=0))

    def count(self, start: int, end: int) -> int:
        """Outputs in a window of Unix ms."""
        return int(np.searchsorted(self.times, end) - np.searchsorted(self.times, start))


def read_timeline(bootstrap: str, topic: str, records: int, promoted_ms: int) -> Timeline:
    """Read a topic that notes append times (`message.timestamp.type`)."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "timeline", "fetch.queue.backoff.ms": 10})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    times, second = np.empty(records, np.int64), np.empty(records, np.bool_)
    at = 0
    try:
        while at < records and (messages := consumer.consume(min(10_000, records - at), 10)):
            end = at + len(messages)
            times[at:end] = [each.timestamp()[1] for each in messages]
            second[at:end] = [each.value().endswith(b'"version":2}') for each in messages]
            at = end
    finally:
        consumer.close()
    order = np.argsort(times[:at], kind="stable")
    return Timeline(times[order], second[order], promoted_ms)
