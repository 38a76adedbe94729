"""Where the records go through: a shell pipe, or two topics of a broker. The same stream and full speed over either."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Protocol

from examples.flights.full_speed import filled, through_pipes, through_topics
from examples.flights.pipes import Pipe
from examples.flights.stream import Seen
from examples.flights.topics import Topics
from instream.testing.kafka import Broker

Streamed = Callable[[Pipe | Topics], tuple[Seen, int]]
"""Streams records through a running pipeline; also the peak memory of its worker, bytes."""


class Ends(Protocol):
    """Each strategy, by name, has its own."""

    where: str

    def paced(self, name: str, options: Sequence[str], streamed: Streamed) -> tuple[Seen, int, int]:
        """Run a pipeline with these options; what was seen, its peak memory, and its dead letters."""
        ...

    def fast(self, name: str, options: Sequence[str]) -> tuple[str, float]:
        """All records without a pace: in words, and records a second."""
        ...


class Pipes:
    where = "through a pipe"

    def __init__(self, folder: Path, records: Sequence[bytes]) -> None:
        self._folder = folder
        self._records = records

    def paced(self, name: str, options: Sequence[str], streamed: Streamed) -> tuple[Seen, int, int]:
        dead = f"{name}-dead.jsonl"
        with closing(Pipe(self._folder, *options, f"--set=dead_letter.url={dead}")) as pipe:
            seen, peak = streamed(pipe)
            pipe.wait()
        path = self._folder / dead
        return seen, peak, path.read_bytes().count(b"\n") if path.exists() else 0

    def fast(self, name: str, options: Sequence[str]) -> tuple[str, float]:
        return through_pipes(self._folder, self._records, *options)


class BetweenTopics:
    where = "from topic to topic of a Kafka broker"

    def __init__(self, broker: Broker, folder: Path, full: dict[str, Topics]) -> None:
        self._broker = broker
        self._folder = folder
        self._full = full

    def paced(self, name: str, options: Sequence[str], streamed: Streamed) -> tuple[Seen, int, int]:
        with closing(Topics(self._broker, f"flights-{name}", self._folder)) as topics:
            topics.run(*options)
            seen, peak = streamed(topics)
            dead = topics.dead()
            topics.wait()
            return seen, peak, dead

    def fast(self, name: str, options: Sequence[str]) -> tuple[str, float]:
        return through_topics(self._full[name], *options)


@contextmanager
def between_topics(folder: Path, records: Sequence[bytes], names: Sequence[str]) -> Iterator[BetweenTopics]:
    """With a broker of its own, and a full topic for the full speed of each strategy: filling them warms the broker's code."""
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        full = {name: stack.enter_context(closing(filled(broker, folder, records, f"{name}-fast"))) for name in names}
        yield BetweenTopics(broker, folder, full)
