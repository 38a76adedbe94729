"""A rig on a real broker: topics as source, outputs and dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from instream import settings
from instream.connectors import Source, member_of, open_sink, open_source, open_transactional
from instream.engines.workers.at_least_once import AtLeastOnce
from instream.engines.workers.counting import Counting
from instream.engines.workers.delivery import Delivery
from instream.engines.workers.exactly_once import ExactlyOnce
from instream.engines.workers.judge import Judge
from instream.engines.workers.loop import Loop
from instream.engines.workers.pace import Pace
from instream.engines.workers.scoring import Process, Scoring
from instream.pipeline import letters
from instream.records import Partition
from instream.testing.faults.pipeline import Mode
from instream.testing.kafka import Broker
from instream.testing.rigs import PACE

_LIMITS = settings.Limits()
_HERE = Path()


class KafkaRig:
    """Two partitions; ids are read back from the header that the sinks write."""

    def __init__(self, broker: Broker, name: str, mode: Mode) -> None:
        self._broker = broker
        self._name = name
        self._mode = mode
        self._source: Source | None = None
        self._in, self._out, self._dead = (broker.create_topic(f"{name}-{part}", 2) for part in ("in", "out", "dead"))

    def feed(self, values: Sequence[bytes | None]) -> None:
        self._broker.produce(self._in, values)

    def loop(self, pipeline: Process, *, pace: Pace = PACE, judge: Judge | None = None) -> Loop:
        if self._source is not None:
            self._source.close()
        self._source = open_source(
            settings.Source(url=self._broker.url(self._in), start="earliest"),
            group=self._name,
            member=member_of(self._name, 0),
            folder=_HERE,
            limits=_LIMITS,
            until="end",
        )
        counting = Counting("laws")
        scoring = Scoring(pipeline, partial(letters, pipeline=self._name, form="headers"))
        return Loop(self._source, scoring, self._delivery(self._source, counting), judge, counting, pace)

    def _delivery(self, source: Source, counting: Counting) -> Delivery:
        sink = settings.Sink(url=self._broker.url(self._out), partitioner="source")  # so that order can be seen
        dead = settings.DeadLetter(url=self._broker.url(self._dead))
        if self._mode == "at_least_once":
            outputs = open_sink(sink, folder=_HERE, limits=_LIMITS, source_id="header")
            place = open_sink(dead, folder=_HERE, limits=_LIMITS)
            return AtLeastOnce(source, outputs, place, counting, interval_s=0.02)
        both = open_transactional(sink, dead, transactional_id=member_of(self._name, 0), folder=_HERE, limits=_LIMITS, source_id="header")
        return ExactlyOnce(source, *both, counting, interval_s=0.02, rows=10_000)

    def fed(self) -> Mapping[str, bytes | None]:
        return {f"{self._in}:{seen.partition}:{seen.offset}": seen.value for seen in self._broker.visible(self._in)}

    def outputs(self) -> list[tuple[str, bytes]]:
        return self._pairs(self._out)

    def letters(self) -> list[tuple[str, bytes]]:
        return self._pairs(self._dead)

    def committed(self) -> Mapping[Partition, int]:
        return {Partition(self._in, number): offset for number, offset in self._broker.committed(self._name, self._in).items()}

    def _pairs(self, topic: str) -> list[tuple[str, bytes]]:
        return [
            ((dict(seen.headers)["instream-source"] or b"").decode().replace("/", ":"), seen.value or b"")
            for seen in self._broker.visible(topic)
        ]
