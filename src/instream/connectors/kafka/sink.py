"""A topic as a sink: idempotent, in order within a partition, bounded in bytes."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from instream.connectors.kafka.faults import Faults, error_of, passing
from instream.connectors.kafka.options import producer_options
from instream.connectors.kafka.writing import Writer
from instream.connectors.opening import SinkOpening
from instream.connectors.url import KafkaUrl
from instream.errors import SinkFailed
from instream.flow.points import reached
from instream.records import Outcome, Records

_METADATA_S = 10.0
_POLL_S = 0.05


class Ticket:
    """What librdkafka keeps with each record of one write until the broker has answered for it, and calls if that failed.

    With `delivery.report.only.error` a record that succeeded costs no call: the client only lets go of its ticket. So once
    the writer has let go too, the ticket lives exactly as long as a record of it is on its way; CPython frees it, and
    with that empties the sink's weak reference, with the last report. Counting calls took twice the time (0.36 µs a record).
    """

    __slots__ = ("__weakref__", "_failed")

    def __init__(self, failed: Callable[[KafkaError], None]) -> None:
        self._failed = failed

    def __call__(self, error: KafkaError | None, _: Any) -> None:
        if error is not None:
            self._failed(error)


class KafkaSink:
    """See `protocol.Sink`. Once a record has failed every call raises: nothing after it may count as durable."""

    def __init__(self, opening: SinkOpening, url: KafkaUrl) -> None:
        self._where = str(url)
        self._faults = Faults(self._where, SinkFailed)
        self._producer = Producer(producer_options(opening, url, self._faults.report))
        self._writer = Writer(self._producer, url, opening, self._faults)
        self._open: deque[weakref.ref[Ticket]] = deque()  # bounded by the producer's queue, but for writes without a record
        self._failed: KafkaError | None = None
        self._taken = 0
        self._durable = 0
        check_topic(self._producer, url, self._faults)

    def write(self, records: Records, outcome: Outcome) -> int:
        ticket = Ticket(self._fail)
        self._taken += 1
        self._open.append(weakref.ref(ticket))
        try:
            self._writer.write(records, outcome, ticket)
        except KafkaException as error:
            raise self._faults.failure(error_of(error)) from error
        reached("produced")
        del ticket
        self._settle(0)
        return self._taken

    def durable(self) -> int:
        self._settle(0)
        return self._durable

    def flush(self, timeout_s: float) -> int:
        self._producer.flush(timeout_s)
        return self.durable()

    def close(self) -> None:
        """Send what is left, as far as the broker takes it; raises SinkFailed when some is not."""
        left = self._producer.flush(30)
        self.durable()
        if left:
            raise SinkFailed(f"{self._where}: {left:,} records were not acknowledged in 30 s; they are not committed and come again")

    def _settle(self, timeout_s: float) -> None:
        self._producer.poll(timeout_s)
        self._faults.raise_if_any()
        if self._failed is not None:
            raise self._faults.failure(self._failed)
        while self._open and self._open[0]() is None:
            self._open.popleft()
            self._durable += 1

    def _fail(self, error: KafkaError) -> None:
        self._failed = self._failed or error


def check_topic(producer: Producer, url: KafkaUrl, faults: Faults) -> None:
    """Raises SinkFailed when the broker says that there is no such topic; a broker that is away is waited for later."""
    try:
        error = producer.list_topics(url.topic, timeout=_METADATA_S).topics[url.topic].error
    except KafkaException as exception:
        producer.poll(0.1)  # hands over what was reported beside it, such as a wrong password
        faults.raise_if_any()
        if not passing(error_of(exception)):
            raise faults.failure(error_of(exception)) from exception
        faults.say("broker not reached, waiting for it", error_of(exception))
        return
    if error is not None and error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
        raise SinkFailed(f"{url}: no topic {url.topic!r} there: create it, or correct the URL")
    if error is not None and not passing(error):
        raise faults.failure(error)
