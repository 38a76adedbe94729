"""How many partitions a topic has, asked without making it or joining a group."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaException

from instream.connectors.kafka.faults import Faults, advice, error_of
from instream.connectors.kafka.options import client_options
from instream.connectors.opening import Options
from instream.connectors.url import KafkaUrl
from instream.errors import SourceFailed

_ANSWER_S = 10.0


def partitions(url: KafkaUrl, options: Options) -> int:
    """Ask the cluster.

    Raises:
        SourceFailed: it is not reached within 10 s, refuses us, or has no such topic.
    """
    faults = Faults(str(url), SourceFailed)
    ours = {"group.id": "instream-look", "allow.auto.create.topics": False, "error_cb": faults.report}
    consumer = Consumer({**client_options(url, options), **ours})
    try:
        found = consumer.list_topics(url.topic, timeout=_ANSWER_S).topics[url.topic]
        if found.error is not None:
            raise SourceFailed(f"{url}: no topic {url.topic!r} there ({found.error.str()}): create it, or correct the URL")
        return len(found.partitions)
    except KafkaException as error:
        consumer.poll(0.1)  # hands over what was reported beside it, such as a wrong password
        faults.raise_if_any()
        raise SourceFailed(f"{url}: {advice(error_of(error))}; is the address right, and may this machine reach it?") from error
    finally:
        consumer.close()
