"""Put records into topics and look at what a reader sees there: for tests, demonstrations and benchmarks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from instream.testing.services import ServiceFailed

_HIDDEN_S = 2.0

Isolation = Literal["read_committed", "read_uncommitted"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as a reader sees it; for tests only, the product keeps columns."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    timestamp_ms: int


def create_topic(bootstrap: str, name: str, partitions: int = 1, **config: str) -> str:
    """Create a topic and wait until it can be used; its name. Underscores in option names stand for dots."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    options = {key.replace("_", "."): value for key, value in config.items()}
    admin.create_topics([NewTopic(name, partitions, 1, config=options)])[name].result(30)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = admin.list_topics(name, timeout=10).topics[name]
        if found.error is None and len(found.partitions) == partitions and all(p.leader >= 0 for p in found.partitions.values()):
            return name
        time.sleep(0.02)
    raise ServiceFailed(f"topic {name} has no leader 30 s after it was created; see the broker's log")


def produce(bootstrap: str, topic: str, values: Iterable[bytes | None], keys: Iterable[bytes | None] | None = None, **options: Any) -> None:
    """Write values in order and return when all are durable; `options` go to confluent-kafka's `produce`."""
    faults: list[KafkaError] = []
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True, "delivery.report.only.error": True, "log_level": 3}
    )
    texts = iter(keys) if keys is not None else None
    for value in values:
        extra = {**options, "key": next(texts)} if texts is not None else options
        while True:
            try:
                producer.produce(topic, value, on_delivery=lambda error, _: faults.append(error), **extra)
                break
            except BufferError:
                producer.poll(0.1)
    left = producer.flush(60)
    if left or faults:
        raise ServiceFailed(f"{left + len(faults)} records could not be written to {topic}: {faults[:1]}")


def visible(bootstrap: str, topic: str, isolation: Isolation = "read_committed", timeout_s: float = 60) -> list[Seen]:
    """Every record from the beginning to where a reader of this isolation stops now, by partition and offset.

    A transaction that is open hides what follows it. One that was committed a moment ago is waited for: its marker
    is written after the committer has its answer, so for records at the end that are still hidden this waits 2 s.
    """
    ends = _ends(bootstrap, topic)
    consumer = _reader(bootstrap, isolation)
    try:
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in ends])
        return sorted(_to_the_end(consumer, ends, topic, timeout_s), key=lambda seen: (seen.partition, seen.offset))
    finally:
        consumer.close()


def _reader(bootstrap: str, isolation: Isolation) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "visible",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
            "fetch.queue.backoff.ms": 10,
            "fetch.wait.max.ms": 20,
        }
    )


def _ends(bootstrap: str, topic: str) -> dict[int, int]:
    """The offset after the last record of each partition, hidden ones included."""
    consumer = _reader(bootstrap, "read_uncommitted")
    try:
        numbers = sorted(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
        return {number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)[1] for number in numbers}
    finally:
        consumer.close()


def _to_the_end(consumer: Consumer, ends: dict[int, int], topic: str, timeout_s: float) -> list[Seen]:
    found: list[Seen] = []
    unfinished, at_end = set(ends), set[int]()
    began = moved = time.monotonic()
    while unfinished and not (unfinished <= at_end and time.monotonic() - moved > _HIDDEN_S):
        if time.monotonic() - began > timeout_s:
            raise ServiceFailed(f"{topic}: partitions {sorted(unfinished)} not read to their end in {timeout_s} s")
        for message in consumer.consume(10_000, 0.1):
            error, number = message.error(), message.partition()
            if error is None:
                found.append(_seen(message))
                moved = time.monotonic()
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end.add(number)
                if message.offset() >= ends[number]:
                    unfinished.discard(number)
            elif not error.retriable() and error.code() not in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
                raise ServiceFailed(f"{topic}: {error.str()}")
    return found


def _seen(message: Any) -> Seen:
    return Seen(message.partition(), message.offset(), message.key(), message.value(), message.headers() or (), message.timestamp()[1])


def visible_ids(bootstrap: str, topic: str, field: str = "id", isolation: Isolation = "read_committed") -> list[Any]:
    """The ids of every visible JSON record, sorted; one that is there twice is listed twice."""
    return sorted(msgspec.json.decode(seen.value)[field] for seen in visible(bootstrap, topic, isolation) if seen.value is not None)


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """Positions that a group has committed, by partition; partitions without one are left out."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    try:
        numbers = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        found = consumer.committed([TopicPartition(topic, number) for number in numbers], timeout=20)
        return {each.partition: each.offset for each in found if each.offset >= 0}
    finally:
        consumer.close()
