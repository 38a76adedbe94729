"""The Kafka ends of a pipeline, in the words of Spark's connector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from instream.connectors.start import Start, start_of
from instream.connectors.url import KafkaUrl
from instream.deploy import Run, refuse_impossible
from instream.engines.java_client import java_options
from instream.errors import SettingsInvalid
from instream.hosted.ends import kafka_end
from instream.secrets import resolve_options
from instream.settings import DeadLetter, Pipeline, Sink, Source

_MESSAGE_BYTES_MAX = 100_000_000  # the topic's own limit decides
_OPTIONS = "kafka."


@dataclass(frozen=True, slots=True)
class End:
    """One topic.

    Attributes:
        client: options of Java's client, its servers among them, without Spark's `kafka.` before the names.
    """

    url: KafkaUrl
    client: Mapping[str, str]

    @property
    def topic(self) -> str:
        return self.url.topic

    def spark(self) -> dict[str, str]:
        """As Spark's reader and writer take them."""
        return {f"{_OPTIONS}{name}": value for name, value in self.client.items()}


@dataclass(frozen=True, slots=True)
class Ends:
    """Where records come from and go to; `dead` is None where the file has no place for dead letters."""

    source: End
    sink: End
    dead: End | None

    @property
    def one_writer(self) -> bool:
        """Whether one producer can write outputs and dead letters."""
        return self.dead is None or dict(self.dead.client) == dict(self.sink.client)


def ends_of(settings: Pipeline, run: Run) -> Ends:
    """Check that Spark can do what the file and the command ask for, and translate it.

    Raises:
        SettingsInvalid: it cannot; says the setting, why, and what to change.
    """
    if run.limit is not None:
        raise SettingsInvalid(f"--limit {run.limit}: Spark takes whole micro-batches; --until end, or --engine workers for a look")
    if settings.delivery.mode == "exactly_once":
        raise SettingsInvalid(
            'delivery.mode = "exactly_once": Spark\'s Kafka sink has no transactions, and a batch that is tried again is written again. '
            'Use "at_least_once" with output.source_id = true, and readers that see each id once (instream.spark.Once); '
            "or --engine workers or flink"
        )
    refuse_impossible(settings, run)
    assert settings.source is not None
    assert settings.sink is not None
    start_options(settings, run)
    dead = settings.dead_letter
    return Ends(
        _end(settings, "source", settings.source, _READING),
        _end(settings, "sink", settings.sink, _writing(settings)),
        None if dead.url is None else _end(settings, "dead_letter", dead, _writing(settings)),
    )


def start_options(settings: Pipeline, run: Run) -> dict[str, str]:
    """Where a query without a checkpoint begins. Raises SettingsInvalid."""
    assert settings.source is not None
    start: Start = start_of(run.start or settings.source.start)
    if isinstance(start, str):
        return {"startingOffsets": start}
    return {"startingTimestamp": str(start), "startingOffsetsByTimestampStrategy": "latest"}  # a time after the last record: the end


def reading_options(settings: Pipeline, ends: Ends, run: Run) -> dict[str, str]:
    """Everything for `readStream.format("kafka")`."""
    found = {
        **ends.source.spark(),
        **start_options(settings, run),
        "subscribe": ends.source.topic,
        "includeHeaders": "true",
        "failOnDataLoss": "true",  # a position that retention removed is an error, never a jump
        "groupIdPrefix": settings.name,
        "maxOffsetsPerTrigger": str(settings.engine.batch_records),
    }
    if settings.engine.scoring is not None:
        found["minPartitions"] = str(settings.engine.scoring)
    return found


_READING: Mapping[str, str] = {"isolation.level": "read_committed"}


def _writing(settings: Pipeline) -> Mapping[str, str]:
    return {
        "compression.type": "lz4",
        "linger.ms": "5",
        "batch.size": str(1 << 20),
        "max.request.size": str(_MESSAGE_BYTES_MAX),
        "buffer.memory": str(max(32 << 20, int(settings.limits.bytes))),
        "acks": "all",
        "enable.idempotence": "true",
    }


def _end(settings: Pipeline, part: str, end: Source | Sink | DeadLetter, ours: Mapping[str, str]) -> End:
    assert end.url is not None
    url = kafka_end(settings, end.url, part, "spark")
    translated = java_options(resolve_options(end.options, settings.folder), settings.folder, part)
    return End(url, {**ours, **translated, "bootstrap.servers": url.servers})
