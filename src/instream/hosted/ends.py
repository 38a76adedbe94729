"""The ends of a pipeline on an engine, whose connectors are for Kafka alone."""

from __future__ import annotations

from instream.connectors.url import KafkaUrl, parse
from instream.engines.kafka_jars import Engine
from instream.errors import SettingsInvalid
from instream.secrets import redact_url, resolve
from instream.settings import Pipeline


def kafka_end(settings: Pipeline, url: str, part: str, engine: Engine) -> KafkaUrl:
    """Read the URL of an end.

    Args:
        part: source, sink or dead_letter, for messages.
    Raises:
        SettingsInvalid: it is no Kafka topic.
    """
    resolved = resolve(url, settings.folder)
    found = parse(resolved, settings.folder)
    if not isinstance(found, KafkaUrl):
        raise SettingsInvalid(
            f"{part}.url = {redact_url(resolved)}: on {engine.capitalize()} every end is a Kafka topic, kafka://host:port/topic. Use "
            f"--engine workers for files and standard input, or instream.{engine}.score in a job of your own"
        )
    return found
