"""One meaning: an engine writes what our own workers write. Subclass `MeaningLaws` and supply `engine` and `subject`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from instream.testing.faults.running import Running
from instream.testing.kafka import Broker

TOLERANCE = 1e-5
_RUN_S_MAX = 300
_OF_TIME = ("age_ms",)
"""Stamps that tell when a record was scored, and so are not the same twice."""


@dataclass(frozen=True)
class Subject:
    """A pipeline without its ends, and records for it.

    Attributes:
        file: `[source.fields]`, features, output and model; ends, name and strategy are set by the laws.
        records: good ones, ones that every step refuses, and filtered ones.
        keys: of the records.
        strategies: by name, the `--set` options that make of the file a pipeline of this strategy.
    """

    file: Path
    records: Sequence[bytes | None]
    keys: Sequence[bytes | None]
    strategies: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Seen:
    """What became of a record: the topic, and all that a reader sees there."""

    topic: str
    key: bytes | None
    value: Any
    headers: Sequence[tuple[str, bytes | None]]
    timestamp_ms: int


class MeaningLaws:
    """`subject` may be shared by all tests of a session: nothing is written to it."""

    timestamps = True
    """False where an engine cannot write a record's own time."""

    @pytest.fixture
    def engine(self) -> Sequence[str]:
        """Options of `instream run`, such as `--engine flink`."""
        raise NotImplementedError

    @pytest.mark.parametrize("strategy", ["embedded", "remote", "database"])
    def test_records_end_as_they_do_in_our_own_workers(
        self, strategy: str, engine: Sequence[str], subject: Subject, broker: Broker, unique: str, tmp_path: Path
    ) -> None:
        """Law 2: engine and strategy do not change a value beyond the tolerance; stamps, failures, filtering and dead letters are equal."""
        broker.create_topic(unique, partitions=4)
        broker.produce(unique, subject.records, subject.keys, headers=[("trace", b"\x00abc")])
        options = subject.strategies[strategy]
        ours = self._run(broker, unique, subject, tmp_path, "own", [*options, "--engine", "workers"])
        theirs = self._run(broker, unique, subject, tmp_path, "other", [*options, *engine])
        assert len(ours) > len(subject.records) // 2
        assert {seen.topic for seen in ours.values()} == {"out", "dead"}
        assert len(ours) < len(subject.records), "some are filtered"
        assert theirs.keys() == ours.keys()
        for source, seen in ours.items():
            assert self._same(theirs[source], seen), (source, theirs[source], seen)

    def _run(self, broker: Broker, topic: str, subject: Subject, folder: Path, name: str, options: Sequence[str]) -> Mapping[str, Seen]:
        """By source id what is in the topics of a run."""
        out, dead = (broker.create_topic(f"{topic}-{name}-{end}", partitions=3) for end in ("out", "dead"))
        settings = {
            "name": f"{topic}-{name}",
            "source.url": broker.url(topic),
            "source.start": "earliest",
            "sink.url": broker.url(out),
            "dead_letter.url": broker.url(dead),
            "output.source_id": "true",
            "engine.checkpoints": str(folder / name),
        }
        given = [*(f"--set={key}={value}" for key, value in settings.items()), *options]
        running = Running(folder / f"{name}.log", "run", str(subject.file), "--until", "end", *given)
        assert running.wait(_RUN_S_MAX) == 0, running.log
        found: dict[str, Seen] = {}
        for kind, place in (("out", out), ("dead", dead)):
            for seen in broker.visible(place):
                source = dict(seen.headers)["instream-source"]
                assert source is not None
                headers = sorted((name, value) for name, value in seen.headers if name != "instream-pipeline")
                value = msgspec.json.decode(seen.value) if kind == "out" and seen.value is not None else seen.value
                assert found.setdefault(source.decode(), made := Seen(kind, seen.key, value, headers, seen.timestamp_ms)) is made, source
        return found

    def _same(self, one: Seen, other: Seen) -> bool:
        if self.timestamps and one.timestamp_ms != other.timestamp_ms:
            return False
        return (one.topic, one.key, one.headers) == (other.topic, other.key, other.headers) and _close(one.value, other.value)


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(name in _OF_TIME or _close(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(one == other)
