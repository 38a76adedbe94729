"""A topic as a source: a static member of a consumer group, or a look that joins nothing and commits nothing.

All partitions are revoked at each rebalance (eager): whoever holds records drops them all, which is simple to get
right, and static members (`group.instance.id`) make it rare: a restart within session.timeout.ms causes none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from instream.connectors.kafka import assigned
from instream.connectors.kafka.columns import records_of
from instream.connectors.kafka.faults import Faults, advice, error_of, passing
from instream.connectors.kafka.options import consumer_options
from instream.connectors.kafka.progress import Progress
from instream.connectors.opening import SourceOpening
from instream.connectors.protocol import Lag
from instream.connectors.url import KafkaUrl
from instream.errors import SourceFailed
from instream.flow.points import reached
from instream.observe import logs
from instream.records import Partition, Records

_log = logs.get("kafka")
_RECORD_BYTES_FIRST = 1 << 20  # what a record is thought to be before one was seen: the first batches are small

_RIVAL_S = 60.0
"""Fenced twice within this time means that another worker has the same name; once can be the answer to a join that
was lost with its broker: the group then knows this very member under a newer id (seen when a broker restarts)."""

_NO_MEMBER = {KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS}
_NO_TOPIC = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}


class KafkaSource:
    """See `protocol.Source`."""

    def __init__(self, opening: SourceOpening, url: KafkaUrl) -> None:
        self._opening = opening
        self._topic = url.topic
        self._where = str(url)
        self._faults = Faults(self._where, SourceFailed)
        self._revoked: Callable[[], None] = lambda: None
        self._lost: Callable[[], None] = lambda: None
        self._progress = Progress()
        self._held = False
        self._kept: list[Any] = []  # what came although held
        self._record_bytes = float(_RECORD_BYTES_FIRST)
        self._renewed_s = -_RIVAL_S
        self._options = consumer_options(opening, url, self._faults.report)
        self._consumer = Consumer(self._options)
        self._open()

    def _open(self) -> None:
        try:
            found = self._consumer.list_topics(self._topic, timeout=assigned.REQUEST_S).topics[self._topic]
        except KafkaException as error:
            self._consumer.poll(0.1)  # hands over what was reported beside it, such as a wrong password
            self._faults.raise_if_any()
            if not passing(error_of(error)):
                raise self._failure(error_of(error)) from error
            self._faults.say("broker not reached, waiting for it", error_of(error))
            found = None
        if found is not None and found.error is not None and found.error.code() in _NO_TOPIC:
            raise self._failure(found.error)
        try:
            self._begin([Partition(self._topic, number) for number in found.partitions] if found is not None else None)
        except KafkaException as error:
            raise self._failure(error_of(error)) from error

    def _begin(self, partitions: list[Partition] | None) -> None:
        """Join the group; or read all partitions without one."""
        if self._opening.until == "end":
            partitions = partitions or self._partitions()
            self._progress.ends = {partition: assigned.watermarks(self._consumer, partition)[1] for partition in partitions}
        if self._opening.group is not None:
            self._join()
        else:
            self._take_over(assigned.starts(self._consumer, partitions or self._partitions(), self._opening.start))

    def _join(self) -> None:
        self._consumer.subscribe([self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)

    def _partitions(self) -> list[Partition]:
        found = assigned.patiently(lambda: self._consumer.list_topics(self._topic, timeout=assigned.REQUEST_S)).topics[self._topic]
        return [Partition(self._topic, number) for number in found.partitions]

    def poll(self, rows: int, nbytes: int, timeout_s: float) -> Records | None:
        """The first record as soon as it is there, and what else has already arrived."""
        self._faults.raise_if_any()
        if self._faults.fenced:
            self._join_again()
        epoch = self._progress.epoch
        messages = self._take(rows, nbytes, timeout_s)
        self._faults.raise_if_any()
        if self._progress.epoch != epoch:
            if messages:  # may be of the assignment before or after the change: read all of the new one from its start
                self._assign(self._progress.base)
            return None
        if self._held:
            self._kept += messages
            return None
        if not messages:
            return None
        self._faults.reached()
        records = records_of(self._topic, messages, self._opening.columns)
        self._progress.read(records.positions)
        return records

    def _take(self, rows: int, nbytes: int, timeout_s: float) -> list[Any]:
        if self._kept and not self._held:
            kept, self._kept = self._kept[:rows], self._kept[rows:]
            return kept
        try:
            first = self._consumer.poll(timeout_s)
            if first is None:
                return []
            more = min(rows - 1, int(nbytes / self._record_bytes)) if not self._held else 0
            messages = [first, *(self._consumer.consume(more, 0) if more > 0 else ())]
        except KafkaException as error:
            if self._faults.is_fencing(error_of(error)):
                return []
            raise self._failure(error_of(error)) from error
        if any(map(Message.error, messages)):
            messages = self._without_errors(messages)
        if messages:
            mean = sum(map(len, messages)) / len(messages)
            self._record_bytes = max(1.0, mean, self._record_bytes / 2)  # up at once, down by halves
        return messages

    def _without_errors(self, messages: list[Any]) -> list[Any]:
        for message in messages:
            error = message.error()
            if error is None:
                continue
            if error.code() == KafkaError._PARTITION_EOF:
                self._progress.saw_end(Partition(self._topic, message.partition()), message.offset())
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise self._gone(message)
            elif error.code() in _NO_TOPIC and self._progress.assigned:
                self._faults.say("topic not known at the moment, waiting for it", error)
            elif self._faults.is_fencing(error):
                continue  # the next poll sees to it
            elif not passing(error) and error.code() != KafkaError._MAX_POLL_EXCEEDED:
                raise self._failure(error)
            else:
                self._faults.say("source waits", error)
        return [message for message in messages if message.error() is None]

    def hold(self) -> None:
        if not self._held:
            self._held = True
            self._consumer.pause(self._consumer.assignment())

    def release(self) -> None:
        if self._held:
            self._held = False
            self._consumer.resume(self._consumer.assignment())

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Commit and wait for the broker's answer.

        A group that has meanwhile thrown this member out refuses: nothing is committed then, the next poll calls
        `lost`, and the records come again, here or elsewhere.
        """
        reached("committing")
        if self._opening.group is not None:
            try:
                assigned.commit(self._consumer, positions)
            except KafkaException as error:
                if error_of(error).code() not in _NO_MEMBER and not self._faults.is_fencing(error_of(error)):
                    raise self._failure(error_of(error)) from error
                _log.warning("positions not committed: the group has rebalanced without this worker", reason=error_of(error).str())
                return
        self._progress.committed(positions)
        reached("committed")

    def settled(self, positions: Mapping[Partition, int]) -> None:
        """A transaction has committed these."""
        self._progress.committed(positions)

    def rewind(self) -> None:
        """From what this source knows, without a request: a broker that restarts would be waited for by whoever must poll."""
        try:
            self._assign(self._progress.base)
        except KafkaException as error:
            if not self._faults.is_fencing(error_of(error)):  # else the next poll joins again
                raise self._failure(error_of(error)) from error

    def listen(self, revoked: Callable[[], None], lost: Callable[[], None]) -> None:
        self._revoked, self._lost = revoked, lost

    @property
    def ended(self) -> bool:
        """With `until="end"`: every partition that is ours was read to where it ended when this source was opened."""
        return self._opening.until is not None and not self._kept and self._progress.ended

    def lag(self) -> Lag:
        """From what the fetches brought along: costs no request."""
        return self._progress.lag(lambda partition: self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True))

    @property
    def partitions(self) -> list[Partition]:
        """Those that are read by this member now."""
        return sorted(self._progress.base)

    def group_metadata(self) -> Any:
        """What a transaction needs to commit positions for this member."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Leave; a static member's partitions wait for its return until session.timeout.ms is over."""
        self._revoked = self._lost = lambda: None
        self._consumer.close()

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        mine = [Partition(each.topic, each.partition) for each in partitions]
        found = assigned.committed(self._consumer, mine)
        absent = [partition for partition in mine if partition not in found]
        if absent:
            found |= self._fresh(absent)
        self._take_over(found)
        _log.info("partitions assigned", topic=self._topic, partitions=sorted(partition.number for partition in mine))

    def _fresh(self, absent: list[Partition]) -> dict[Partition, int]:
        """Begin at the start, and commit that now, or what arrives before the first commit is jumped over after a crash."""
        fresh = assigned.starts(self._consumer, absent, self._opening.start)
        try:
            assigned.commit(self._consumer, fresh)
        except KafkaException as error:
            if error_of(error).code() not in _NO_MEMBER:  # else the next assignment is on its way, and does this again
                raise
        return fresh

    def _take_over(self, positions: dict[Partition, int]) -> None:
        self._progress.take_over(positions)
        self._assign(positions)

    def _assign(self, positions: Mapping[Partition, int]) -> None:
        """Read these partitions from here, and forget what was read of them."""
        self._progress.start_over()
        self._kept.clear()
        wanted = [TopicPartition(*partition, offset) for partition, offset in positions.items()]
        self._consumer.assign(wanted)
        if self._held and wanted:
            self._consumer.pause(wanted)

    def _join_again(self) -> None:
        """librdkafka never goes on with a member that was fenced: a new one takes over the name."""
        if time.monotonic() - self._renewed_s < _RIVAL_S:
            raise SourceFailed(f"{self._where}: another worker runs as {self._opening.member}: each pipeline has one name; stop the other")
        self._renewed_s = time.monotonic()
        _log.warning("fenced by another member of the same name; joining again", member=self._opening.member)
        self._lost()
        self._forget()
        self._consumer.close()
        self._faults.fenced = False
        self._consumer = Consumer(self._options)
        self._join()

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._revoked()
        self._given_up()

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        _log.warning("partitions lost: the group gave them to others before this worker could finish", topic=self._topic)
        self._lost()
        self._given_up()

    def _given_up(self) -> None:
        self._forget()
        self._consumer.unassign()

    def _forget(self) -> None:
        self._progress.forget()
        self._kept.clear()

    def _gone(self, message: Any) -> SourceFailed:
        partition = Partition(self._topic, message.partition())
        low, high = assigned.watermarks(self._consumer, partition)
        return SourceFailed(
            f"{self._where}, partition {partition.number}: position {self._progress.at(partition)} is not in the topic, which keeps "
            f"{low:,} to {high:,}: retention removed it, or the topic was made anew. Those records cannot be had again; "
            "go on with what is there: --from earliest"
        )

    def _failure(self, error: KafkaError) -> SourceFailed:
        if error.code() in _NO_TOPIC:
            return SourceFailed(f"{self._where}: no topic {self._topic!r} there: create it, or correct source.url")
        return SourceFailed(f"{self._where}: {advice(error)}")
