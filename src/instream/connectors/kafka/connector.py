"""kafka://host:port[,host:port]/topic: at-least-once or exactly-once, headers, keys and timestamps carried."""

from __future__ import annotations

from instream.connectors.kafka.positions import commit_start
from instream.connectors.kafka.sink import KafkaSink
from instream.connectors.kafka.source import KafkaSource
from instream.connectors.kafka.transactional import TransactionalSink, Transactions
from instream.connectors.opening import SinkOpening, SourceOpening
from instream.connectors.protocol import Sink, Source
from instream.connectors.url import KafkaUrl, Url


def open_source(opening: SourceOpening) -> Source:
    return KafkaSource(opening, _kafka(opening.url))


def open_sinks(openings: list[SinkOpening]) -> list[Sink]:
    """Sinks of one worker; those with a transactional id share the first one's producer and transaction."""
    first = openings[0]
    if first.transactional_id is None:
        return [KafkaSink(opening, _kafka(opening.url)) for opening in openings]
    transactions = Transactions(first, _kafka(first.url))
    return [TransactionalSink(transactions, _kafka(opening.url), opening) for opening in openings]


def set_start(opening: SourceOpening) -> None:
    commit_start(opening, _kafka(opening.url))


def _kafka(url: Url) -> KafkaUrl:
    assert isinstance(url, KafkaUrl), url
    return url
