"""Set a group's committed positions while nobody runs it: what `--from` means for a group that has some."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, KafkaException

from instream.connectors.kafka import assigned
from instream.connectors.kafka.faults import Faults, advice, error_of
from instream.connectors.kafka.options import consumer_options
from instream.connectors.opening import SourceOpening
from instream.connectors.url import KafkaUrl
from instream.errors import SourceFailed
from instream.observe import logs
from instream.records import Partition

_log = logs.get("kafka")
_MEMBERS_GONE_S = 20.0  # a static member that has just ended counts as one until session.timeout.ms is over


def commit_start(opening: SourceOpening, url: KafkaUrl) -> dict[Partition, int]:
    """Commit `opening.start` for every partition; the positions.

    Raises:
        SourceFailed: the group has members after 20 s, or the broker cannot be used.
    """
    faults = Faults(str(url), SourceFailed)
    options = consumer_options(opening, url, faults.report)
    options.pop("group.instance.id", None)
    consumer = Consumer(options)
    try:
        found = assigned.patiently(lambda: consumer.list_topics(url.topic, timeout=assigned.REQUEST_S), 20.0).topics[url.topic]
        if found.error is not None:
            raise KafkaException(found.error)
        positions = assigned.starts(consumer, [Partition(url.topic, number) for number in found.partitions], opening.start)
        _commit_when_alone(consumer, positions)
    except KafkaException as error:
        faults.raise_if_any()
        raise SourceFailed(f"{url}: {advice(error_of(error))}") from error
    finally:
        consumer.close()
    return positions


def _commit_when_alone(consumer: Consumer, positions: dict[Partition, int]) -> None:
    until = time.monotonic() + _MEMBERS_GONE_S
    while True:
        try:
            assigned.commit(consumer, positions)
            return
        except KafkaException as error:
            if error_of(error).code() not in (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION):
                raise
            if time.monotonic() > until:
                raise SourceFailed(
                    f"--from: workers of this pipeline are running, and positions cannot be set under them; stop them first "
                    f"({error_of(error).str()})"
                ) from error
        _log.info("waiting until the last run's workers count as gone")
        time.sleep(1.0)
