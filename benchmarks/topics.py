"""Topics of the benchmark: filled once, read by everyone; and how far an output topic has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from instream.testing.topics import create_topic

PARTITIONS = 4
_REPORT_EVERY = 50_000
_NOT_YET = (  # of a topic that was made a moment ago
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_LEADER_EPOCH,
)


def fill(bootstrap: str, topic: str, records: Iterable[tuple[bytes | None, bytes | None]], progress: Callable[[int], None]) -> None:
    """Create a topic and write keys and values to it; `progress` is told how many more are written."""
    create_topic(bootstrap, topic, PARTITIONS)
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 20, "compression.type": "lz4", "partitioner": "murmur2_random", "acks": "all"}
    )
    for number, (key, value) in enumerate(records, 1):
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.05)
        if number % _REPORT_EVERY == 0:
            producer.poll(0)
            progress(_REPORT_EVERY)
    if left := producer.flush(60):
        raise RuntimeError(f"{left} records could not be written to {topic} in 60 s")


@contextmanager
def output_topic(bootstrap: str, name: str, **config: str) -> Iterator[str]:
    """A topic for one run; deleted after it, so that the disk holds one at a time."""
    create_topic(bootstrap, name, PARTITIONS, **config)
    try:
        yield name
    finally:
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        admin.delete_topics([name])[name].result(30)


class Extent:
    """How many records a `read_committed` reader sees in a topic. Commit markers count too: some ten a second and partition."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        self._ends = {TopicPartition(topic, number): OffsetSpec.latest() for number in range(PARTITIONS)}
        self._last = 0

    def __call__(self) -> int:
        found = self._admin.list_offsets(self._ends, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=10)
        try:
            self._last = sum(each.result().offset for each in found.values())
        except KafkaException as error:
            if error.args[0].code() not in _NOT_YET:
                raise
        return self._last


def first_values(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    """The first values of partition 0."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "check", "enable.auto.commit": False, "isolation.level": "read_committed"}
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        return [message.value() for message in consumer.consume(count, 10) if not message.error()]
    finally:
        consumer.close()
