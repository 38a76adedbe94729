"""The ends of a pipeline as Flink's Kafka connector can have them, and what it cannot, said before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from instream.connectors.look import partitions
from instream.connectors.opening import Options
from instream.connectors.url import KafkaUrl
from instream.deploy import Run, refuse_impossible
from instream.engines.java_client import java_options
from instream.errors import SettingsInvalid, SinkFailed, SourceFailed
from instream.hosted.ends import kafka_end
from instream.secrets import resolve_options
from instream.settings import Pipeline

_SHADED = "org.apache.flink.kafka.shaded."
"""Before the names of Kafka's own classes, which the connector has moved."""


@dataclass(frozen=True, slots=True)
class End:
    """A topic.

    Attributes:
        options: as librdkafka knows them, secrets resolved.
        java: the same for Java's client.
    """

    url: KafkaUrl
    options: Options
    java: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ends:
    """Where records come from and go to; `letters` None where a record that cannot be scored ends the pipeline."""

    source: End
    sink: End
    letters: KafkaUrl | None


def ends_of(settings: Pipeline, run: Run) -> Ends:
    """Read and check the ends.

    Raises:
        SettingsInvalid: Flink cannot do this; says the setting and what to change.
        SourceFailed, SinkFailed: there is no such topic, or the cluster does not answer.
    """
    _refuse(settings, run)
    assert settings.source is not None
    assert settings.sink is not None
    source = _end(settings, settings.source.url, settings.source.options, "source")
    sink = _end(settings, settings.sink.url, settings.sink.options, "sink")
    letters = None if settings.dead_letter.url is None else kafka_end(settings, settings.dead_letter.url, "dead_letter", "flink")
    if letters is not None and set(letters.servers.split(",")) != set(sink.url.servers.split(",")):
        raise SettingsInvalid(
            f"dead_letter.url: {letters} is on another cluster than {sink.url}: on Flink one sink writes both; use the sink's cluster, "
            "or run with instream's own workers"
        )
    partitions(source.url, source.options)
    for url in (sink.url, letters):
        if url is not None:
            _look(url, sink.options)
    return Ends(source, sink, letters)


def _refuse(settings: Pipeline, run: Run) -> None:
    refuse_impossible(settings, run)
    assert settings.sink is not None
    if run.limit is not None:
        raise SettingsInvalid(f"--limit {run.limit}: not on Flink; look at a few records with --engine workers, or drain with --until end")
    if settings.sink.partitioner == "source":
        raise SettingsInvalid(
            'sink.partitioner = "source": Flink\'s connector cannot keep the partition of a record; use "murmur2_random" (equal keys still '
            "meet in one partition), or run with instream's own workers"
        )
    if settings.dead_letter.options:
        raise SettingsInvalid("dead_letter.options: on Flink one sink writes outputs and dead letters, with sink.options; move them there")


def _end(settings: Pipeline, url: str, given: Options, part: str) -> End:
    found = kafka_end(settings, url, part, "flink")
    options = resolve_options(given, settings.folder)
    return End(found, options, java_options(options, settings.folder, part, _SHADED))


def _look(url: KafkaUrl, options: Options) -> None:
    try:
        partitions(url, options)
    except SourceFailed as error:
        raise SinkFailed(str(error)) from error
