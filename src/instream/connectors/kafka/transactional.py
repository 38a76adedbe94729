"""Topics as sinks of one transaction, together with the positions of the source.

`init_transactions` fences whoever had the same id before, so that what a killed worker left open is aborted when its
successor starts and not when the broker's timeout is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from instream.connectors.kafka.faults import Faults, advice, error_of, passing
from instream.connectors.kafka.options import producer_options
from instream.connectors.kafka.sink import check_topic
from instream.connectors.kafka.source import KafkaSource
from instream.connectors.kafka.writing import Writer
from instream.connectors.opening import SinkOpening
from instream.connectors.protocol import Source
from instream.connectors.url import KafkaUrl
from instream.errors import SinkFailed, TransactionAborted
from instream.flow.backoff import backoff
from instream.flow.points import reached
from instream.records import Outcome, Partition, Records

_REQUEST_S = 10.0
_PATIENCE_S = 60.0

_FENCED = {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}
_GIVE_UP = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,  # of the source, which joins again
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError._STATE,
    KafkaError._PURGE_QUEUE,
    KafkaError._PURGE_INFLIGHT,
}


class Transactions:
    """One producer and its transaction; the sinks of a worker share it."""

    def __init__(self, opening: SinkOpening, url: KafkaUrl) -> None:
        self._where = f"{url} as {opening.transactional_id}"
        self.faults = Faults(self._where, SinkFailed)
        options = producer_options(opening, url, self.faults.report)
        self.producer = Producer(options)
        self.opening = opening
        self.open = False
        self.sinks: list[TransactionalSink] = []  # output and dead letters
        self._patiently(lambda: self.producer.init_transactions(_REQUEST_S))

    def begin(self) -> None:
        assert not self.open
        self.faults.raise_if_any()
        self._patiently(self.producer.begin_transaction)
        self.open = True

    def commit(self, source: Source, positions: Mapping[Partition, int]) -> None:
        """Outputs and positions together, or neither. Raises TransactionAborted, SinkFailed."""
        assert self.open
        assert isinstance(source, KafkaSource), source
        if positions:
            offsets = [TopicPartition(*partition, offset) for partition, offset in positions.items()]
            metadata = source.group_metadata()
            self._patiently(lambda: self.producer.send_offsets_to_transaction(offsets, metadata, _REQUEST_S))
        reached("offsets_sent")
        reached("committing")
        self._patiently(lambda: self.producer.commit_transaction(_REQUEST_S))
        self.open = False
        source.settled(positions)
        for sink in self.sinks:
            sink.committed()
        reached("committed")

    def abort(self) -> None:
        """Nothing of the open transaction will be seen; nothing happens when none is open."""
        if not self.open:
            return
        self.open = False
        for sink in self.sinks:
            sink.aborted()
        try:
            self._patiently(lambda: self.producer.abort_transaction(_REQUEST_S))
        except TransactionAborted as error:
            raise SinkFailed(f"{self._where}: the transaction could not even be aborted: {error}") from error

    def close(self) -> None:
        self.abort()

    def translated(self, error: KafkaError) -> SinkFailed:
        """Our error; an abortable one is aborted here, so that the caller can try again from the source."""
        if error.code() in _FENCED:
            return SinkFailed(
                f"{self._where}: fenced: the transaction was open for longer than transaction.timeout.ms, as when the broker was away, "
                "and this worker begins again; or another worker runs under this name: each pipeline has one; stop the other"
            )
        if not error.fatal() and (error.txn_requires_abort() or error.code() in _GIVE_UP):
            self.abort()
            return TransactionAborted(f"{self._where}: {advice(error)}")
        failure = self.faults.failure(error)
        assert isinstance(failure, SinkFailed)
        return failure

    def _patiently(self, ask: Callable[[], Any]) -> None:
        """Each step may be repeated while its error passes: librdkafka goes on where it was."""
        until = time.monotonic() + _PATIENCE_S
        for wait_s in backoff(0.02, 0.5, Random()):
            try:
                ask()
                return
            except KafkaException as exception:
                error = error_of(exception)
                if error.txn_requires_abort() or not passing(error) or time.monotonic() > until:
                    raise self.translated(error) from exception
                self.faults.report(error)
            time.sleep(wait_s)


class TransactionalSink:
    """See `protocol.Transactional`: one topic of a transaction. A ticket is durable when its transaction is committed."""

    def __init__(self, transactions: Transactions, url: KafkaUrl, opening: SinkOpening) -> None:
        self._transactions = transactions
        self._writer = Writer(transactions.producer, url, opening, transactions.faults)
        self._taken = 0
        self._durable = 0
        check_topic(transactions.producer, url, transactions.faults)
        transactions.sinks.append(self)

    def begin(self) -> None:
        self._transactions.begin()

    def write(self, records: Records, outcome: Outcome) -> int:
        """Raises TransactionAborted when the transaction cannot go on, SinkFailed when nothing can."""
        self._transactions.faults.raise_if_any()
        self._taken += 1
        try:
            self._writer.write(records, outcome, None)  # a record that fails makes the commit fail
        except KafkaException as error:
            raise self._transactions.translated(error_of(error)) from error
        reached("produced")
        self._transactions.producer.poll(0)
        return self._taken

    def commit(self, source: Source, positions: Mapping[Partition, int]) -> None:
        self._transactions.commit(source, positions)

    def abort(self) -> None:
        self._transactions.abort()

    def committed(self) -> None:
        self._durable = self._taken

    def aborted(self) -> None:
        """The tickets of the transaction are taken back; their numbers are given again."""
        self._taken = self._durable

    def durable(self) -> int:
        return self._durable

    def flush(self, timeout_s: float) -> int:
        """Send what is queued; only `commit` makes it durable."""
        self._transactions.producer.flush(timeout_s)
        return self._durable

    def close(self) -> None:
        self._transactions.close()
