"""Messages of librdkafka to parallel columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from confluent_kafka import Message

from instream.connectors.opening import Column
from instream.records import Partition, Records


def records_of(topic: str, messages: Sequence[Any], columns: frozenset[Column]) -> Records:
    """One pass per column, in C where there is a way; 0.24 µs a record where an object a record costs 1.45.

    A column that is null throughout is left out: without keys and headers writing is cheaper, too.
    """
    numbers, offsets = list(map(Message.partition, messages)), list(map(Message.offset, messages))
    last = dict(zip(numbers, offsets, strict=True))  # the last one of each partition stays, and offsets rise
    return Records(
        topic=topic,
        values=list(map(Message.value, messages)),
        partitions=np.array(numbers, np.int32),
        offsets=np.array(offsets, np.int64),
        positions={Partition(topic, number): offset + 1 for number, offset in last.items()},
        keys=_unless_null(list(map(Message.key, messages))) if "keys" in columns else None,
        headers=_unless_null(list(map(Message.headers, messages))) if "headers" in columns else None,
        timestamps=np.array([at[1] for at in map(Message.timestamp, messages)], np.int64) if "timestamps" in columns else None,
    )


def _unless_null(column: list[Any]) -> list[Any] | None:
    return None if column.count(None) == len(column) else column
