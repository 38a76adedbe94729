"""Copy bytes, key and timestamp from topic to topic: `BOOTSTRAP SOURCE SINK GROUP at_least_once|exactly_once`.

As fast and as prompt as we could make such a loop: what is there is taken at once, and nothing is looked at.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

from confluent_kafka import Consumer, Message, Producer

from benchmarks.peers.stopping import Stopping

_ROWS = 10_000
_INTERVAL_S = 0.1


def main(bootstrap: str, source: str, sink: str, group: str, mode: str) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 10,  # default 1000: idle most of the time
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([source])
    run = {"at_least_once": _at_least_once, "exactly_once": _exactly_once}[mode]
    gc.set_threshold(100_000)  # a batch is thousands of messages: Python would look for cycles among them again and again
    run(consumer, bootstrap, sink, group, Stopping())
    consumer.close()


def _at_least_once(consumer: Consumer, bootstrap: str, sink: str, _: str, stopping: Stopping) -> None:
    producer = Producer(_producing(bootstrap))

    def commit() -> None:
        producer.flush()
        consumer.commit(asynchronous=False)

    _copy(consumer, producer, sink, commit, stopping)


def _exactly_once(consumer: Consumer, bootstrap: str, sink: str, group: str, stopping: Stopping) -> None:
    producer = Producer({**_producing(bootstrap), "transactional.id": group})
    producer.init_transactions()
    producer.begin_transaction()

    def commit() -> None:
        positions = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata())
        producer.commit_transaction()
        producer.begin_transaction()

    _copy(consumer, producer, sink, commit, stopping)


def _copy(consumer: Consumer, producer: Producer, sink: str, commit: Callable[[], None], stopping: Stopping) -> None:
    pending, due = 0, time.monotonic() + _INTERVAL_S
    while not stopping:
        messages = consumer.consume(_ROWS, 0) or consumer.consume(1, _INTERVAL_S)
        _put(producer, sink, messages)
        pending += len(messages)
        producer.poll(0)
        if time.monotonic() >= due:
            if pending:
                commit()
            pending, due = 0, time.monotonic() + _INTERVAL_S
    if pending:
        commit()


def _put(producer: Producer, sink: str, messages: list[Message]) -> None:
    produce = producer.produce
    for message in messages:
        value, key, timestamp = message.value(), message.key(), message.timestamp()[1]
        while True:
            try:
                # By position 0.6 µs, by keyword 0.85: topic, value, key, partition, callback, on_delivery, timestamp.
                produce(sink, value, key, -1, None, None, timestamp)
                break
            except BufferError:
                producer.poll(0.01)


def _producing(bootstrap: str) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "linger.ms": 5,
        "compression.type": "lz4",
        "partitioner": "murmur2_random",
        "batch.size": 1 << 20,
        "queue.buffering.max.messages": 1_000_000,
        "delivery.report.only.error": True,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
