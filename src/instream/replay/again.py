"""Put the records of dead letters back where they came from, once each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from instream import settings
from instream.connectors import Sink, carries_headers, open_sink, open_source
from instream.connectors.opening import Options
from instream.connectors.url import KafkaUrl, Url, parse
from instream.errors import SettingsInvalid, SinkFailed
from instream.failures import NONE
from instream.pipeline.letter import Letter
from instream.predictor import STAMPS
from instream.records import Outcome, Records
from instream.replay.read import letters_of

_LIMITS = settings.Limits()
_FLUSH_S = 30.0
_POLL_S = 0.5


@dataclass(slots=True)
class Replayed:
    """How many records were put back, by URL, and how many tombstones were left: nothing can ever score them."""

    records: dict[str, int] = field(default_factory=dict)
    tombstones: int = 0


def replay(url: str, *, to: str | None, options: Options) -> Replayed:
    """Put back the records of the dead letters that no earlier replay has put back.

    From Kafka a group of its own remembers how far the last replay came; a file is replayed whole.

    Args:
        to: where to; by default, from Kafka, the topic that each letter names, on the same cluster.
        options: for librdkafka, at both ends.
    Raises:
        SettingsInvalid: `to` is needed, or cannot be used.
        SourceFailed, SinkFailed: an end does not work; what was put back before is remembered.
    """
    at = parse(url)
    if to is None and not isinstance(at, KafkaUrl):
        raise SettingsInvalid(f"{url} is a file, which does not say where its records can go: --to URL")
    group = f"instream-replay-{at.topic}" if isinstance(at, KafkaUrl) else None
    dead = settings.Source(url=url, start="earliest", options=options)
    source = open_source(dead, group=group, member="replay", folder=Path(), limits=_LIMITS, until="end")
    done, sinks, headers = Replayed(), dict[str, Sink](), carries_headers(url)
    try:
        while not source.ended:
            records = source.poll(int(_LIMITS.rows), int(_LIMITS.bytes) // 8, _POLL_S)
            if records is not None:
                _put_back(letters_of(records, headers), at, to, options, sinks, done)
                source.commit(records.positions)
    finally:
        source.close()
        for sink in sinks.values():
            sink.close()
    return done


def _put_back(letters: Sequence[Letter], at: Url, to: str | None, options: Options, sinks: dict[str, Sink], done: Replayed) -> None:
    """Returns when all of them are durable."""
    done.tombstones += sum(letter.value is None for letter in letters)
    for target, some in _by_target(letters, at, to):
        if target not in sinks:
            sinks[target] = open_sink(settings.Sink(url=target, options=options), folder=Path(), limits=_LIMITS)
        ticket = sinks[target].write(*_written(some))
        if sinks[target].flush(_FLUSH_S) < ticket:
            raise SinkFailed(f"{target}: {len(some):,} records are not durable after {_FLUSH_S:g} s; replay again once it answers")
        done.records[target] = done.records.get(target, 0) + len(some)


def _by_target(letters: Sequence[Letter], at: Url, to: str | None) -> Iterator[tuple[str, list[Letter]]]:
    found: dict[str, list[Letter]] = {}
    for letter in letters:
        if letter.value is not None:
            found.setdefault(to or _origin(letter, at), []).append(letter)
    yield from found.items()


def _origin(letter: Letter, at: Url) -> str:
    """The URL of the topic that a letter came from; a topic's name has no slash."""
    assert isinstance(at, KafkaUrl), at
    topic = letter.source.split("/")[0]
    if not topic:
        raise SettingsInvalid(f"a dead letter in {at} does not say which topic it came from: --to URL")
    return str(KafkaUrl(at.servers, topic))


def _written(letters: Sequence[Letter]) -> tuple[Records, Outcome]:
    """What a sink writes: the records as they were, in the order of their letters."""
    count = len(letters)
    stamps = pa.RecordBatch.from_arrays([pa.nulls(count, each.type) for each in STAMPS], schema=STAMPS)
    values = [letter.value for letter in letters]
    times = [letter.timestamp for letter in letters if letter.timestamp is not None]
    records = Records(
        topic="replay",
        values=values,
        partitions=np.zeros(count, np.int32),
        offsets=np.arange(count, dtype=np.int64),
        positions={},
        keys=[letter.key for letter in letters],
        headers=[letter.headers for letter in letters],
        timestamps=np.array(times, np.int64) if len(times) == count else None,
    )
    return records, Outcome(values, NONE, np.empty(0, np.int32), stamps, 0)
