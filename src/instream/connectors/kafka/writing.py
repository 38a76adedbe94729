"""Outcomes into a producer's queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import compress, repeat
from typing import Any

import numpy as np
from confluent_kafka import KafkaError, Producer

from instream.connectors.kafka.faults import Faults
from instream.connectors.opening import SinkOpening
from instream.connectors.url import KafkaUrl
from instream.records import Headers, Outcome, Records

SOURCE_HEADER = "instream-source"
_ROOM_S = 0.05

Report = Callable[[KafkaError | None, Any], None]


class Writer:
    """Writes to one topic through a producer, which others may share."""

    def __init__(self, producer: Producer, url: KafkaUrl, opening: SinkOpening, faults: Faults) -> None:
        self._produce: Callable[..., None] = producer.produce
        self._poll = producer.poll
        self._faults = faults
        self._topic = url.topic
        self._keep_partition = opening.partitioner == "source"
        self._with_source = opening.source_id == "header"

    def write(self, records: Records, outcome: Outcome, failed: Report | None) -> None:
        """Queue the values that are not None. Waits while the queue is full.

        Args:
            failed: kept with each of them until the broker has answered, and called from a poll for those that failed;
                possibly before this returns.
        Raises:
            KafkaException: none or a part was queued.
            InstreamError: the producer failed while this waited.
        """
        columns = self._columns(records)
        values: Iterable[bytes] = outcome.values  # type: ignore[assignment]  # those that are None go in the next lines
        if len(outcome.failures) or len(outcome.filtered):
            there = [value is not None for value in outcome.values]
            values, columns = compress(outcome.values, there), [compress(column, there) for column in columns]  # type: ignore[arg-type]
        if records.headers is None and not self._with_source:
            self._write(failed, values, *columns)
        else:
            self._write_with_headers(failed, values, *columns)

    def _columns(self, records: Records) -> list[Iterable[Any]]:
        """Key, partition, timestamp and, where there are any, headers of each record."""
        columns: list[Iterable[Any]] = [
            repeat(None) if records.keys is None else records.keys,
            records.partitions.tolist() if self._keep_partition else repeat(-1),
            repeat(0) if records.timestamps is None else np.maximum(records.timestamps, 0).tolist(),
        ]
        if records.headers is not None or self._with_source:
            columns.append(self._headers(records))
        return columns

    def _headers(self, records: Records) -> list[Headers | None]:
        own: Iterable[Headers | None] = records.headers if records.headers is not None else repeat(None)
        if not self._with_source:
            return list(own)
        places = zip(records.partitions.tolist(), records.offsets.tolist(), strict=True)
        topic = records.topic
        return [
            [*(headers or ()), (SOURCE_HEADER, b"%s/%d/%d" % (topic.encode(), number, offset))]
            for headers, (number, offset) in zip(own, places, strict=False)
        ]

    def _write(
        self, failed: Report | None, values: Iterable[bytes], keys: Iterable[Any], partitions: Iterable[int], times: Iterable[int]
    ) -> None:
        produce, topic = self._produce, self._topic
        for value, key, partition, time in zip(values, keys, partitions, times, strict=False):
            while True:
                try:
                    produce(topic, value, key, partition, failed, None, time)  # by position: names cost 0.3 µs
                    break
                except BufferError:
                    self._wait()

    def _write_with_headers(
        self,
        failed: Report | None,
        values: Iterable[bytes],
        keys: Iterable[Any],
        partitions: Iterable[int],
        times: Iterable[int],
        headers: Iterable[Headers | None],
    ) -> None:
        produce, topic = self._produce, self._topic
        for value, key, partition, time, own in zip(values, keys, partitions, times, headers, strict=False):
            while True:
                try:
                    produce(topic, value, key, partition, failed, None, time, list(own) if own else None)
                    break
                except BufferError:
                    self._wait()

    def _wait(self) -> None:
        """Until there may be room: the producer's queue is the byte limit, and waiting here the backpressure."""
        self._poll(_ROOM_S)
        self._faults.raise_if_any()
