"""What a pipeline on an engine survives. Subclass `EngineFaultLaws` and supply `engine`."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from instream.testing.faults.pipeline import Setting, setting
from instream.testing.faults.running import Running
from instream.testing.faults.served import Served, served
from instream.testing.faults.stream import Stream
from instream.testing.kafka import Broker
from instream.testing.processes import command_of, descendants, memory

RATE = 500
STOPPED_S = 60.0
GROWTH_MB = 200
"""Of all processes of an engine while its server stands still: a JVM takes heap as it likes, and a backlog would be no more."""

_FLOWS_S_MAX = 150.0


class EngineFaultLaws:
    """A stream that does not stop for any fault; a broker and a server of its own."""

    exactly_once = False
    """Whether the engine promises that a `read_committed` reader sees no output twice."""

    task = ""
    """In the command line of a process that runs tasks in Python."""

    @pytest.fixture
    def engine(self) -> Sequence[str]:
        """Options of `instream run`, such as `--engine flink`."""
        raise NotImplementedError

    @pytest.fixture
    def own_broker(self) -> Iterator[Broker]:
        with Broker() as started:
            yield started

    def test_every_record_is_settled_whatever_dies(self, engine: Sequence[str], own_broker: Broker, tmp_path: Path) -> None:
        """Laws 7, 9 and 10: a task killed, Kafka restarted, a server that stands still for a minute, everything killed at once."""
        made = setting(own_broker.bootstrap, "faults", tmp_path, "exactly_once" if self.exactly_once else "at_least_once")
        with (
            served(tmp_path, "--model", "delay", "--store", f"sqlite:///{tmp_path}/models.db") as server,
            contextlib.closing(Settled(made)) as settled,
        ):
            options = [*engine, "--set=strategy.kind=remote", f"--set=strategy.endpoint=grpc://{server.grpc}"]
            settled.running = made.run(*options)
            try:
                with made.stream(RATE) as stream:
                    settled.flows(stream, "from the start")
                    self._kill_a_task(settled.running.pid)
                    settled.flows(stream, "after a task was killed")
                    own_broker.restart()
                    settled.flows(stream, "after Kafka was restarted")
                    _stands_still(server, settled.running)
                    settled.flows(stream, "after the server stood still")
                    _kill_all(settled.running)
                    settled.running = made.run(*options)
                    settled.flows(stream, "after everything was killed")
                    stream.stop()
                    settled.until(lambda: stream.count, "to the end")
                assert settled.running.terminate() == 0, settled.running.log
            finally:
                _kill_all(settled.running)
        found = made.ledger()
        assert not found.strangers, found
        if self.exactly_once:
            assert not found.repeated, found

    def _kill_a_task(self, pid: int) -> None:
        tasks = [each for each in descendants(pid) if self.task in command_of(each)]
        assert tasks, f"no process with {self.task}"
        _kill(tasks[-1])


class Settled:
    """Source positions with an output or a dead letter that a `read_committed` reader has seen so far."""

    def __init__(self, made: Setting) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": made.bootstrap, "group.id": "settled", "enable.auto.commit": False, "log_level": 0}
            | {"fetch.queue.backoff.ms": 10, "reconnect.backoff.max.ms": 500}
        )
        numbers = {part: self._consumer.list_topics(f"{made.name}-{part}", 20).topics for part in ("out", "dead")}
        places = [(name, number) for found in numbers.values() for name, topic in found.items() for number in topic.partitions]
        self._consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for name, number in places])
        self._sources: set[bytes] = set()
        self.running: Running

    def close(self) -> None:
        self._consumer.close()

    def count(self) -> int:
        while messages := self._consumer.consume(10_000, 0.3):
            for message in messages:
                if message.error() is None:
                    self._sources.add(dict(message.headers())["instream-source"])
        return len(self._sources)

    def flows(self, stream: Stream, when: str) -> None:
        """Until new records are settled, and at most so many are not as come in two seconds. Raises AssertionError with the log."""
        fresh = stream.count + RATE
        self.until(lambda: max(fresh, stream.count - 2 * RATE), when)

    def until(self, wanted: Callable[[], int], when: str) -> None:
        until = time.monotonic() + _FLOWS_S_MAX
        while (settled := self.count()) < wanted():
            said = f"{when}: {settled:,} settled of {wanted():,} within {_FLOWS_S_MAX} s"
            assert time.monotonic() < until, f"{said}:\n{self.running.log[-8_000:]}"


def _stands_still(server: Served, running: Running) -> None:
    """Backpressure: what cannot be scored waits in Kafka and not in memory, and nothing fails."""
    with server.stopped():
        time.sleep(10)
        before = _memory(running.pid)
        time.sleep(STOPPED_S - 10)
        grown = _memory(running.pid) - before
    assert grown < GROWTH_MB << 20, f"{grown >> 20} MB more after a minute:\n{running.log[-4_000:]}"


def _memory(pid: int) -> int:
    return sum(memory(each) for each in descendants(pid))


def _kill_all(running: Running) -> None:
    for pid in descendants(running.pid):
        _kill(pid)
    running.wait()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
