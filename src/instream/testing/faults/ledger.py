"""What became of each record of a topic: outputs and dead letters by source position, as a read_committed reader sees them."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from instream.testing import topics

HEADER = "instream-source"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts, for tests to judge.

    Attributes:
        records: in the input topic.
        lost: "topic/partition/offset" below a committed position, without output or dead letter.
        repeated: those that are there more than once.
        uncommitted: records above the committed positions.
        strangers: outputs and dead letters of no record.
    """

    records: int
    outputs: int
    dead_letters: int
    lost: list[str]
    repeated: list[str]
    uncommitted: int
    strangers: list[str]

    def __str__(self) -> str:
        return (
            f"{self.records:,} in, {self.outputs:,} out, {self.dead_letters:,} dead letters, {len(self.lost)} lost, "
            f"{len(self.repeated):,} repeated, {self.uncommitted:,} uncommitted"
        )


def ledger(bootstrap: str, group: str, source: str, sink: str, dead: str) -> Ledger:
    """Read all three topics to their ends."""
    sent = {(seen.partition, seen.offset) for seen in topics.visible(bootstrap, source)}
    positions = topics.committed(bootstrap, group, source)
    outputs = _sources(bootstrap, sink)
    letters = _sources(bootstrap, dead)
    found = outputs + letters
    settled = {place for place in sent if place[1] < positions.get(place[0], 0)}
    name = {place: f"{source}/{place[0]}/{place[1]}" for place in sent}
    return Ledger(
        records=len(sent),
        outputs=outputs.total(),
        dead_letters=letters.total(),
        lost=sorted(name[place] for place in settled if name[place] not in found),
        repeated=sorted(place for place, count in found.items() if count > 1),
        uncommitted=len(sent) - len(settled),
        strangers=sorted(found.keys() - set(name.values())),
    )


def uncommitted(bootstrap: str, group: str, topic: str) -> int:
    """Offsets above the group's committed positions; a very large number while the broker cannot say, as after a restart."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "log_level": 0})
    try:
        numbers = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        ends = {number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=20)[1] for number in numbers}
        positions = topics.committed(bootstrap, group, topic)
    except KafkaException:
        return sys.maxsize
    finally:
        consumer.close()
    return sum(end - positions.get(number, 0) for number, end in ends.items())


def _sources(bootstrap: str, topic: str) -> Counter[str]:
    return Counter((dict(seen.headers)[HEADER] or b"").decode() for seen in topics.visible(bootstrap, topic))
