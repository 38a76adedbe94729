"""The job as SQL: a topic in, one function over batches, one sink for outputs and dead letters.

Key, timestamp and headers stay beside the function, in the JVM. A header of Flink's connector is an entry of a map: of
several with one name the last stays, their order is lost, and one without a value is not written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from instream.connectors.kafka.writing import SOURCE_HEADER
from instream.flink.ends import Ends
from instream.pipeline.letter import HEADERS
from instream.settings import Pipeline

FUNCTION = "score"
_COLUMNS = "`key` BYTES, `value` BYTES"
_KEY_AND_VALUE = {
    "connector": "kafka",
    "key.format": "raw",
    "key.fields": "key",
    "value.format": "raw",
    "value.fields-include": "EXCEPT_KEY",
}
_FETCH_BYTES = 1 << 20
_BATCH_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Job:
    """SQL to execute in this order; `insert` is the job."""

    source: str
    sink: str
    insert: str


def job_of(settings: Pipeline, ends: Ends, until: Mapping[int, int] | None) -> Job:
    """The job.

    Args:
        until: where each partition ends; None for no end.
    """
    names = _names(ends)
    return Job(_source(settings, ends, names[0], until), _sink(settings, ends, names[1]), _insert(settings, ends, *names))


def _names(ends: Ends) -> tuple[str, str]:
    """Tables are called as their topics, which is what the web UI shows."""
    source, sink = ends.source.url.topic, ends.sink.url.topic
    return source, sink if sink != source else f"{sink}_out"


def _source(settings: Pipeline, ends: Ends, name: str, until: Mapping[int, int] | None) -> str:
    options = {
        **_KEY_AND_VALUE,
        "topic": ends.source.url.topic,
        **_properties(
            {
                "isolation.level": "read_committed",
                "max.poll.records": "10000",
                "fetch.min.bytes": "1",
                "max.partition.fetch.bytes": str(_FETCH_BYTES),
                **ends.source.java,
                "bootstrap.servers": ends.source.url.servers,
                "group.id": settings.name,
                "auto.offset.reset": "none",  # a position that retention removed is an error, never a jump
            }
        ),
        "scan.startup.mode": "group-offsets",
    }
    if settings.engine.scoring is not None:
        options["scan.parallelism"] = str(settings.engine.workers)
    if until is not None:
        options["scan.bounded.mode"] = "specific-offsets"
        options["scan.bounded.specific-offsets"] = ";".join(f"partition:{number},offset:{offset}" for number, offset in until.items())
    columns = (
        f"{_COLUMNS}, `partition` INT NOT NULL METADATA VIRTUAL, `offset` BIGINT NOT NULL METADATA VIRTUAL, "
        "`timestamp` TIMESTAMP_LTZ(3) NOT NULL METADATA VIRTUAL, `headers` MAP<STRING, BYTES> NOT NULL METADATA VIRTUAL"
    )
    return _table(name, columns, options)


def _sink(settings: Pipeline, ends: Ends, name: str) -> str:
    exactly_once = settings.delivery.mode == "exactly_once"
    options = {
        **_KEY_AND_VALUE,
        "topic": ";".join(_topics(ends)),
        **_properties(
            {
                "linger.ms": "5",
                "batch.size": str(_BATCH_BYTES),
                "compression.type": "lz4",
                # The most that a broker grants by default: what a job that died has not committed is lost past it.
                "transaction.timeout.ms": "900000",
                **ends.sink.java,
                "bootstrap.servers": ends.sink.url.servers,
            }
        ),
        "sink.delivery-guarantee": "exactly-once" if exactly_once else "at-least-once",
    }
    if exactly_once:
        options["sink.transactional-id-prefix"] = f"instream-{settings.name}"
    chosen = "`topic` STRING METADATA, " if len(_topics(ends)) > 1 else ""
    columns = f"{_COLUMNS}, {chosen}`timestamp` TIMESTAMP_LTZ(3) METADATA, `headers` MAP<STRING, BYTES> METADATA"
    return _table(name, columns, options)


def _topics(ends: Ends) -> list[str]:
    """What the sink writes to; the connector lets a record choose among several only."""
    return list(dict.fromkeys([ends.sink.url.topic, *([ends.letters.topic] if ends.letters is not None else [])]))


def _insert(settings: Pipeline, ends: Ends, source: str, sink: str) -> str:
    outputs, letters = _text(ends.sink.url.topic), _text(_topics(ends)[-1])
    chosen = f"CASE WHEN r.`said` IS NULL THEN {outputs} ELSE {letters} END, " if len(_topics(ends)) > 1 else ""
    said = ", ".join(f"{_text(name)}, r.`said`[{at}]" for at, name in enumerate(HEADERS, 1))
    headers = "`headers`"
    if settings.output.source_id:
        place = f"CONCAT({_text(ends.source.url.topic + '/')}, CAST(`partition` AS STRING), '/', CAST(`offset` AS STRING))"
        headers = f"MAP_UNION(`headers`, MAP[{_text(SOURCE_HEADER)}, ENCODE({place}, 'UTF-8')])"
    return (
        f"INSERT INTO {_name(sink)} SELECT `key`, r.`value`, {chosen}`timestamp`, "
        f"CASE WHEN r.`said` IS NULL THEN {headers} ELSE MAP_UNION(`headers`, MAP[{said}]) END "
        f"FROM (SELECT `key`, `partition`, `offset`, `timestamp`, `headers`, {FUNCTION}(`value`, `partition`, `offset`) AS r "
        f"FROM {_name(source)}) WHERE r.`value` IS NOT NULL"
    )


def _table(name: str, columns: str, options: Mapping[str, str]) -> str:
    listed = ", ".join(f"{_text(key)} = {_text(value)}" for key, value in options.items())
    return f"CREATE TEMPORARY TABLE {_name(name)} ({columns}) WITH ({listed})"


def _properties(options: Mapping[str, str]) -> dict[str, str]:
    return {f"properties.{key}": value for key, value in options.items()}


def _name(text: str) -> str:
    return f"`{text.replace('`', '``')}`"


def _text(text: str) -> str:
    return f"'{text.replace(chr(39), chr(39) * 2)}'"
