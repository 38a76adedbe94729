"""A pipeline between two topics of a real Kafka broker."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from examples.flights.pipes import INSTREAM
from instream.testing.kafka import Broker

PARTITIONS = 2
QUIET_S = 60.0


class Topics:
    """`instream run delays.toml` from topic NAME to topic NAME-scored; bad records go to NAME-dead."""

    def __init__(self, broker: Broker, name: str, folder: Path) -> None:
        self._broker, self._name, self._folder = broker, name, folder
        for topic in (name, f"{name}-scored", f"{name}-dead"):
            broker.create_topic(topic, PARTITIONS)
        self._producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 5, "log_level": 2})
        self._consumer, self._letters = reader(broker, f"{name}-scored"), reader(broker, f"{name}-dead")
        self._written = self._read = self._dead = 0
        self._finished = False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, *options: str) -> None:
        """Start the pipeline."""
        urls = {"source": self._name, "sink": f"{self._name}-scored", "dead_letter": f"{self._name}-dead"}
        settings = [f"--set={part}.url={self._broker.url(topic)}" for part, topic in urls.items()]
        with (self._folder / "pipeline.log").open("ab") as log:
            command = [*INSTREAM, "run", str(self._folder / "delays.toml"), f"--set=name={self._name}", *settings, *options]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def write(self, records: Sequence[bytes]) -> None:
        for record in records:
            self._produce(record)
        self._producer.poll(0)
        self._written += len(records)

    def _produce(self, record: bytes) -> None:
        while True:
            try:
                self._producer.produce(self._name, record)
                return
            except BufferError:
                self._producer.poll(0.05)

    def finish(self) -> None:
        self._producer.flush(30)
        self._finished = True

    def read(self) -> bytes | None:
        """Outputs as lines; None once every record that was written has an output, or nothing came for long."""
        quiet = time.monotonic() + QUIET_S
        while not (self._finished and (self._read + self.dead() >= self._written or time.monotonic() > quiet)):
            first = self._consumer.poll(0.05)
            if first is not None:
                values = [message.value() or b"" for message in (first, *self._consumer.consume(10_000, 0))]
                self._read += len(values)
                return b"\n".join(values) + b"\n"
        return None

    def dead(self) -> int:
        """How many records are dead letters by now. Read, since a transaction's end takes an offset, too."""
        while messages := self._letters.consume(10_000, 0.02):
            self._dead += sum(message.error() is None for message in messages)
        return self._dead

    def wait(self) -> None:
        """End the pipeline as an operator would. Raises SystemExit when it failed."""
        self._consumer.close()
        self._letters.close()
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        if self._process.wait(60):
            raise SystemExit(f"the pipeline ended with exit status {self._process.returncode}; its log says why")

    def close(self) -> None:
        """Whatever happened, leave no process behind."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


def reader(broker: Broker, topic: str) -> Consumer:
    consumer = Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "demo", "enable.auto.commit": False, "fetch.wait.max.ms": 10}
        | {"fetch.queue.backoff.ms": 1, "log_level": 2}
    )
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
    return consumer
