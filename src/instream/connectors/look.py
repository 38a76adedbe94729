"""What is at a URL: records and partitions, without joining a group or committing anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from instream import settings
from instream.connectors.open import open_source
from instream.connectors.opening import Options
from instream.connectors.url import KafkaUrl
from instream.errors import MissingExtra, SourceFailed
from instream.records import Records

RECORDS = 100
_POLL_S = 0.2


def look(
    source: settings.Source, *, folder: Path, limits: settings.Limits = settings.Limits(), rows: int = RECORDS, within_s: float = 15.0
) -> Iterator[Records]:
    """Batches from the beginning to what is there now, at most `rows` records in all.

    Raises:
        SettingsInvalid, MissingExtra: as `open_source`.
        SourceFailed: there is nothing at the URL, or it does not answer in time.
    """
    earliest = source.model_copy(update={"start": "earliest"})
    opened = open_source(earliest, group=None, member="look", folder=folder, limits=limits, until="end")
    until = time.monotonic() + within_s
    try:
        while rows > 0 and not opened.ended:
            records = opened.poll(rows, int(limits.bytes), _POLL_S)
            if records is not None:
                rows -= len(records)
                until = time.monotonic() + within_s
                yield records
            elif time.monotonic() > until:
                raise SourceFailed(f"no answer within {within_s:g} s; is the address right, and may this machine reach it?")
    finally:
        opened.close()


def partitions(url: KafkaUrl, options: Options) -> int:
    """How many partitions a topic has. Raises SourceFailed, MissingExtra."""
    try:
        topic = import_module("instream.connectors.kafka.topic")
    except ModuleNotFoundError as error:
        if error.name != "confluent_kafka":
            raise
        raise MissingExtra(f"{url}", "kafka") from error
    return int(topic.partitions(url, options))
