"""Options for librdkafka: ours, the user's over them, and those that nobody may change because laws hang on them.

Of the share that a source has of `limits.bytes`, librdkafka may queue a half, and a fetch under way may add a quarter:
what is queued keeps the whole answer alive that it came with. Of what a sink has, librdkafka may queue all. Each message
costs librdkafka a few hundred bytes besides its own, so the number of messages is bounded too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError

from instream.connectors.opening import Options, SinkOpening, SourceOpening
from instream.connectors.url import KafkaUrl
from instream.errors import SettingsInvalid

_QUEUED_MESSAGES = 30_000  # 400 B each beside the payload: 12 MB
_FETCH_BYTES_LEAST = 1 << 20
_PRODUCED_MESSAGES = 100_000
_MESSAGE_BYTES_MAX = 100_000_000  # the topic's own limit decides, and its refusal is an error of ours

_OURS = {
    "bootstrap.servers": "the URL says it",
    "group.id": "the pipeline's name is it",
    "group.instance.id": "name, host and slot make it",
    "group.protocol": "the classic protocol's eager rebalances are what dropping rests on",
    "partition.assignment.strategy": "eager rebalances are what dropping rests on",
    "enable.auto.commit": "positions are committed when outputs are durable",
    "enable.auto.offset.store": "positions are committed when outputs are durable",
    "auto.offset.reset": "source.start says it",
    "enable.partition.eof": "--until end needs it",
    "enable.idempotence": "order and no duplicates rest on it",
    "acks": "durable means all in-sync replicas",
    "transactional.id": "name, host and slot make it",
    "partitioner": "sink.partitioner says it",
    "delivery.report.only.error": "what is durable is known by the reports",
}

ErrorCallback = Callable[[KafkaError], None]


def client_options(url: KafkaUrl, options: Options) -> dict[str, Any]:
    """What every client gets: servers and the user's options. Raises SettingsInvalid for one that is not theirs."""
    for key in options:
        if key in _OURS:
            raise SettingsInvalid(f"options: {key!r} cannot be set: {_OURS[key]}")
    ours: dict[str, Any] = {
        "log_level": 2,
        "reconnect.backoff.max.ms": 1000,
    }
    return {**ours, **options, "bootstrap.servers": url.servers}


def consumer_options(opening: SourceOpening, url: KafkaUrl, on_error: ErrorCallback) -> dict[str, Any]:
    fetch = max(_FETCH_BYTES_LEAST, opening.nbytes // 4)
    ours: dict[str, Any] = {
        "queued.max.messages.kbytes": max(1024, opening.nbytes >> 11),
        "queued.min.messages": _QUEUED_MESSAGES,
        "fetch.max.bytes": fetch,
        "max.partition.fetch.bytes": min(fetch, 1 << 20),
        "fetch.queue.backoff.ms": 10,  # default 1000: idles; 130,000 records/s, not 364,000
        "fetch.wait.max.ms": 100,
        "session.timeout.ms": 10_000,
        "heartbeat.interval.ms": 1_000,
        "allow.auto.create.topics": False,
        "isolation.level": "read_committed",
    }
    fixed: dict[str, Any] = {
        "group.id": opening.group or f"instream-look-{opening.member}",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",  # a position that retention removed is an error, never a jump
        "partition.assignment.strategy": "range,roundrobin",
        "enable.partition.eof": opening.until == "end",
        "error_cb": on_error,
    }
    if opening.group is not None:
        fixed["group.instance.id"] = opening.member
    return {**ours, **client_options(url, opening.options), **fixed}


def producer_options(opening: SinkOpening, url: KafkaUrl, on_error: ErrorCallback) -> dict[str, Any]:
    ours: dict[str, Any] = {
        "queue.buffering.max.kbytes": max(1024, opening.nbytes >> 10),
        "queue.buffering.max.messages": _PRODUCED_MESSAGES,
        "message.max.bytes": _MESSAGE_BYTES_MAX,
        "batch.size": 1_000_000,
        "linger.ms": 5,
        "compression.type": "lz4",
    }
    fixed: dict[str, Any] = {
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "delivery.report.only.error": True,  # a success is seen without a call
        "error_cb": on_error,
    }
    if opening.transactional_id is not None:
        ours["transaction.timeout.ms"] = 10_000  # what a dead worker left open hides later outputs no longer than this
        fixed["transactional.id"] = opening.transactional_id
    return {**ours, **client_options(url, opening.options), **fixed}
