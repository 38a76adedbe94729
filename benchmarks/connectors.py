"""What the Kafka connectors cost over a bare confluent-kafka loop: CPU µs a record of this process, interleaved rounds.

python benchmarks/connectors.py [RECORDS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from instream import settings
from instream.connectors import open_sink, open_source
from instream.testing.batches import outcome_with, records_with
from instream.testing.connectors import batches_of
from instream.testing.kafka import Broker

ROUNDS = 5
BATCH = 10_000
LIMITS = settings.Limits()
Work = Callable[[], int]


def bare_consume(broker: Broker, topic: str, records: int) -> Work:
    def work() -> int:
        consumer = Consumer(
            {"bootstrap.servers": broker.bootstrap, "group.id": "bare", "enable.auto.commit": False, "fetch.queue.backoff.ms": 10}
        )
        consumer.assign([TopicPartition(topic, number, 0) for number in range(4)])
        got = 0
        while got < records:
            messages = consumer.consume(BATCH, 0.05)
            got += len(list(map(Message.value, messages)))
        consumer.close()
        return got

    return work


def our_consume(broker: Broker, topic: str, columns: frozenset[str]) -> Work:
    def work() -> int:
        source = open_source(
            settings.Source(url=broker.url(topic), start="earliest"),
            group=None,
            member="bench",
            folder=Path(),
            limits=LIMITS,
            until="end",
            columns=columns,  # type: ignore[arg-type]
        )
        got = sum(len(records) for records in batches_of(source, BATCH, int(LIMITS.bytes) // 4))
        source.close()
        return got

    return work


def bare_produce(broker: Broker, topic: str, values: list[bytes]) -> Work:
    def work() -> int:
        producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5, "compression.type": "lz4", "enable.idempotence": True})
        for value in values:
            while True:
                try:
                    producer.produce(topic, value)
                    break
                except BufferError:
                    producer.poll(0.05)
        producer.flush()
        return len(values)

    return work


def our_produce(broker: Broker, topic: str, values: list[bytes]) -> Work:
    def work() -> int:
        sink = open_sink(settings.Sink(url=broker.url(topic)), folder=Path(), limits=LIMITS)
        for begin in range(0, len(values), BATCH):
            part = values[begin : begin + BATCH]
            sink.write(records_with(part), outcome_with(part))
            sink.durable()
        sink.close()
        return len(values)

    return work


def measured(work: Work) -> tuple[float, float]:
    """CPU µs a record of this process, and records/s."""
    cpu, wall = time.process_time(), time.perf_counter()
    done = work()
    return (time.process_time() - cpu) / done * 1e6, done / (time.perf_counter() - wall)


def main(records: int) -> None:
    values = [(b'{"id": %d, "x": "' % number).ljust(148, b"a") + b'"}' for number in range(records)]
    with Broker() as broker:
        broker.produce(broker.create_topic("in", partitions=4), values)
        broker.create_topic("out", partitions=4)
        works = {
            "consume, bare": bare_consume(broker, "in", records),
            "consume, values": our_consume(broker, "in", frozenset()),
            "consume, all columns": our_consume(broker, "in", frozenset(("keys", "headers", "timestamps"))),
            "produce, bare": bare_produce(broker, "out", values),
            "produce, ours": our_produce(broker, "out", values),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, work in works.items():
                found[name].append(measured(work))
    for name, rounds in found.items():
        bare = found[f"{name.split(',')[0]}, bare"]
        cpu = median(each for each, _ in rounds)
        ratio = median(mine / theirs for (mine, _), (theirs, _) in zip(rounds, bare, strict=True))
        rate = median(each for _, each in rounds)
        print(f"{name:22} {cpu:5.2f} µs/record  ({ratio:4.2f} of bare)  {rate:10,.0f} records/s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
