"""Positions of the pipeline's group, which are in force wherever no state of Flink's is; and those inside a savepoint."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import Consumer, KafkaException
from pyflink.java_gateway import get_gateway

from instream.connectors.kafka import assigned
from instream.connectors.kafka.faults import Faults, advice, error_of
from instream.connectors.kafka.options import client_options
from instream.connectors.start import start_of
from instream.errors import SourceFailed
from instream.flink.ends import End
from instream.flink.files import read
from instream.records import Partition

_STATE = "SourceReaderState"

Question = Callable[[Consumer, list[Partition]], None]


class Positions:
    """Of one topic and group. Each call is one short conversation with the cluster; raises SourceFailed."""

    def __init__(self, source: End, group: str) -> None:
        self._url = source.url
        self._options = {
            **client_options(source.url, source.options),
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "allow.auto.create.topics": False,
        }

    def begin(self, start: str) -> None:
        """Commit `start` for each partition without a position, so that none is jumped over after a crash."""

        def commit(consumer: Consumer, partitions: list[Partition]) -> None:
            found = assigned.committed(consumer, partitions)
            absent = [partition for partition in partitions if partition not in found]
            if absent:
                assigned.commit(consumer, assigned.starts(consumer, absent, start_of(start)))

        self._ask(commit)

    def check(self) -> None:
        """Raises SourceFailed: the topic keeps no more what the group has not read."""

        def look(consumer: Consumer, partitions: list[Partition]) -> None:
            for partition, offset in assigned.committed(consumer, partitions).items():
                low, high = assigned.watermarks(consumer, partition)
                if not low <= offset <= high:
                    raise SourceFailed(
                        f"{self._url}, partition {partition.number}: position {offset} is not in the topic, "
                        f"which keeps {low:,} to {high:,}: retention removed it, or the topic was made anew. "
                        "Those records cannot be had again; go on with what is there: --from earliest"
                    )

        self._ask(look)

    def ends(self) -> Mapping[int, int]:
        """Where each partition ends now."""
        found: dict[int, int] = {}

        def look(consumer: Consumer, partitions: list[Partition]) -> None:
            found.update((partition.number, assigned.watermarks(consumer, partition)[1]) for partition in partitions)

        self._ask(look)
        return found

    def committed(self) -> Mapping[int, int]:
        found: dict[int, int] = {}

        def look(consumer: Consumer, partitions: list[Partition]) -> None:
            found.update((partition.number, offset) for partition, offset in assigned.committed(consumer, partitions).items())

        self._ask(look)
        return found

    def commit(self, positions: Mapping[int, int]) -> None:
        """Never backwards: the group may know better."""
        known = self.committed()
        further = {Partition(self._url.topic, number): max(offset, known.get(number, 0)) for number, offset in positions.items()}
        self._ask(lambda consumer, _: assigned.commit(consumer, further))

    def _ask(self, question: Question) -> None:
        faults = Faults(str(self._url), SourceFailed)
        consumer = Consumer({**self._options, "error_cb": faults.report})
        try:
            topic = assigned.patiently(lambda: consumer.list_topics(self._url.topic, timeout=assigned.REQUEST_S)).topics[self._url.topic]
            question(consumer, [Partition(self._url.topic, number) for number in sorted(topic.partitions)])
        except KafkaException as error:
            faults.raise_if_any()
            raise SourceFailed(f"{self._url}: {advice(error_of(error))}") from error
        finally:
            consumer.close()


def positions_in(state: str) -> Mapping[int, int]:
    """The next offset of each partition that a state of an endless run has; those not read yet are left out.

    Flink has no call for it. What is read here are the splits that the source's readers keep: lists of
    (version, length, topic, partition, offset, end).
    """
    jvm = get_gateway().jvm
    stream = jvm.java.io.DataInputStream(jvm.java.io.ByteArrayInputStream(read(f"{state.rstrip('/')}/_metadata")))
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    metadata = jvm.org.apache.flink.runtime.checkpoint.Checkpoints.loadCheckpointMetadata(stream, loader, state)
    found: dict[int, int] = {}
    listed = jvm.java.util.ArrayList  # of Java's collections, Python goes through lists only
    for operator in listed(metadata.getOperatorStates()):
        for task in listed(operator.getStates()):
            for handle in listed(task.getManagedOperatorState()):
                places = handle.getStateNameToPartitionOffsets()
                if _STATE in places:
                    whole = bytes(handle.openInputStream().readAllBytes())
                    found.update(_splits(whole, list(places[_STATE].getOffsets())))
    return found


def _splits(content: bytes, starts: list[int]) -> Iterator[tuple[int, int]]:
    for start in starts:
        stream = io.BytesIO(content[start:])
        _, _, _, name = struct.unpack(">iiiH", stream.read(14))  # length, version, length, length of the topic
        stream.read(name)
        number, offset, _ = struct.unpack(">iqq", stream.read(20))
        if offset >= 0:  # else it stands for "as committed", and nothing was read
            yield number, offset
