"""A look at a topic, without joining its group."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaError, KafkaException

from instream.connectors.found import Span, TopicFound
from instream.connectors.kafka import assigned
from instream.connectors.kafka.faults import Faults, advice, error_of, passing
from instream.connectors.kafka.options import client_options
from instream.connectors.opening import Options
from instream.connectors.url import KafkaUrl
from instream.errors import SourceFailed
from instream.records import Partition

_WAIT_S = 10.0


def look(url: KafkaUrl, options: Options, group: str | None) -> TopicFound:
    """Raises SourceFailed: what is wrong and what to do."""
    faults = Faults(str(url), SourceFailed)
    consumer = Consumer(
        {**client_options(url, options), "group.id": group or "instream-look", "enable.auto.commit": False, "error_cb": faults.report}
    )
    try:
        found = consumer.list_topics(url.topic, timeout=_WAIT_S).topics[url.topic]
        if found.error is not None:
            raise KafkaException(found.error)
        partitions = [Partition(url.topic, number) for number in sorted(found.partitions)]
        positions = assigned.committed(consumer, partitions) if group is not None else {}
        ends = {partition: assigned.watermarks(consumer, partition) for partition in partitions}
        return TopicFound(url.servers, url.topic, {part.number: Span(low, high, positions.get(part)) for part, (low, high) in ends.items()})
    except KafkaException as error:
        consumer.poll(0.1)  # hands over what was reported beside it, such as a wrong password
        faults.raise_if_any()
        raise SourceFailed(_said(url, error_of(error))) from error
    finally:
        consumer.close()


def _said(url: KafkaUrl, error: KafkaError) -> str:
    if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
        return f"{url}: no topic {url.topic!r} there: create it, or correct the URL"
    if passing(error):
        return f"{url}: no broker answers at {url.servers} within {_WAIT_S:.0f} s: is it running, are host and port right? ({error.str()})"
    return f"{url}: {advice(error)}"
