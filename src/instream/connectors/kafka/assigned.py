"""Where each assigned partition is read from: its committed position, else the source's start."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, TypeVar

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from instream.connectors.kafka.faults import error_of, passing
from instream.connectors.start import Start
from instream.flow.backoff import backoff
from instream.records import Partition

T = TypeVar("T")

REQUEST_S = 10.0
_PATIENCE_S = 60.0


def patiently(ask: Callable[[], T], patience_s: float = _PATIENCE_S) -> T:
    """Ask again while the error is one that passes; raises the last KafkaException after `patience_s`."""
    until = time.monotonic() + patience_s
    for wait_s in backoff(0.05, 1.0, Random()):
        try:
            return ask()
        except KafkaException as error:
            if not passing(error_of(error)) or time.monotonic() + wait_s > until:
                raise
        time.sleep(wait_s)
    raise AssertionError("backoff has no end")


def committed(consumer: Consumer, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """Committed positions; partitions without one are left out."""
    wanted = [TopicPartition(*partition) for partition in partitions]
    return {Partition(each.topic, each.partition): each.offset for each in _committed(consumer, wanted) if each.offset >= 0}


def _committed(consumer: Consumer, wanted: list[TopicPartition]) -> list[Any]:
    def ask() -> list[Any]:
        found: list[Any] = consumer.committed(wanted, timeout=REQUEST_S)
        return _checked(found)

    return patiently(ask) if wanted else []


def _checked(found: list[Any]) -> list[Any]:
    """Raise the first error that stands in the answer itself."""
    for each in found:
        if each.error is not None:
            raise KafkaException(each.error)
    return found


def watermarks(consumer: Consumer, partition: Partition) -> tuple[int, int]:
    """The oldest offset that is kept, and the one that the next record will get."""
    low, high = patiently(lambda: consumer.get_watermark_offsets(TopicPartition(*partition), timeout=REQUEST_S))
    return int(low), int(high)


def starts(consumer: Consumer, partitions: Iterable[Partition], start: Start) -> dict[Partition, int]:
    """The offset that `start` means in each partition. A time after the last record means the end."""
    wanted = list(partitions)
    ends = {partition: watermarks(consumer, partition) for partition in wanted}
    if start == "earliest":
        return {partition: low for partition, (low, _) in ends.items()}
    if start == "latest":
        return {partition: high for partition, (_, high) in ends.items()}
    asked = [TopicPartition(*partition, start) for partition in wanted]
    found = patiently(lambda: _checked(consumer.offsets_for_times(asked, timeout=REQUEST_S))) if asked else []
    at = {Partition(each.topic, each.partition): each.offset for each in found}
    return {partition: ends[partition][1] if at[partition] in (OFFSET_END, -1) else at[partition] for partition in wanted}


def commit(consumer: Consumer, positions: Mapping[Partition, int], patience_s: float = _PATIENCE_S) -> None:
    """Commit and wait for the answer. Raises KafkaException."""
    wanted = [TopicPartition(*partition, offset) for partition, offset in positions.items()]
    if wanted:
        patiently(lambda: _checked(consumer.commit(offsets=wanted, asynchronous=False)), patience_s)
