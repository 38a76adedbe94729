"""A real Apache Kafka broker as one process, for tests, demonstrations and benchmarks: no Docker, nothing installed.

```python
with Broker() as broker:
    broker.create_topic("flights", partitions=4)
    broker.produce("flights", [b'{"id": 1}'])
    assert broker.visible_ids("flights") == [1]
```
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from instream.engines.jars import jars
from instream.testing import topics
from instream.testing.services import ServiceFailed, end_with_us, free_ports

VERSION = "4.1.0"
USER, PASSWORD = "ann", "ann-secret"
"""Who may use `Broker.secured`, by SASL PLAIN."""

_READY_S_MAX = 60
_STOP_S_MAX = 30

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
required user_{user}="{password}";
log.dirs={folder}/log
auto.create.topics.enable=false
log.retention.ms=-1
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
"""


class Broker:
    """One broker on free loopback ports with its data in a temporary folder.

    It ends with the `with` block, and also when this process dies. Ctrl-C in a terminal does not reach it, so
    that whoever uses it can drain first.
    """

    def __init__(self, heap_mb: int = 768) -> None:
        self._heap_mb = heap_mb
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self.bootstrap = ""
        self.secured = ""

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> Broker:
        """Start, or start again with the same data and ports; returns when it answers. Raises ServiceFailed."""
        libs = jars(Path(__file__).with_name("kafka.pom.xml"), f"kafka-{VERSION}")
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="instream-kafka-"))
            self._configure(libs, self._folder)
        with (self._folder / "broker.out").open("ab") as out:
            self._process = subprocess.Popen(
                [*_java(libs, self._heap_mb), "kafka.Kafka", str(self._folder / "server.properties")],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._watch = end_with_us(self._process.pid, self._folder)
        self._wait_until_ready()
        return self

    def stop(self) -> None:
        """Stop in order, as an operator would; data and ports stay for `start`."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Die at once, as a machine would; data and ports stay for `start`."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        """End it and delete its data."""
        self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def url(self, topic: str) -> str:
        """What a pipeline file says for a topic of this broker."""
        return f"kafka://{self.bootstrap}/{topic}"

    def create_topic(self, name: str, partitions: int = 1, **config: str) -> str:
        return topics.create_topic(self.bootstrap, name, partitions, **config)

    def produce(self, topic: str, values: Iterable[bytes | None], keys: Iterable[bytes | None] | None = None, **options: Any) -> None:
        topics.produce(self.bootstrap, topic, values, keys, **options)

    def visible(self, topic: str, isolation: topics.Isolation = "read_committed") -> list[topics.Seen]:
        return topics.visible(self.bootstrap, topic, isolation)

    def visible_ids(self, topic: str, field: str = "id", isolation: topics.Isolation = "read_committed") -> list[Any]:
        return topics.visible_ids(self.bootstrap, topic, field, isolation)

    def committed(self, group: str, topic: str) -> dict[int, int]:
        return topics.committed(self.bootstrap, group, topic)

    def _configure(self, libs: Path, folder: Path) -> None:
        plain, sasl, controller = free_ports(3)
        self.bootstrap, self.secured = f"127.0.0.1:{plain}", f"127.0.0.1:{sasl}"
        properties = folder / "server.properties"
        properties.write_text(
            _PROPERTIES.format(plain=plain, sasl=sasl, controller=controller, folder=folder, user=USER, password=PASSWORD)
        )
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [
            *_java(libs, 128),
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            "-c",
            str(properties),
        ]  # = as an id may begin with -
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=_READY_S_MAX, check=False)
        if done.returncode:
            raise ServiceFailed(f"Kafka could not format {folder}:\n{done.stdout}{done.stderr}")

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        assert self._folder is not None
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200})
        deadline = time.monotonic() + _READY_S_MAX
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if admin.list_topics(timeout=2).brokers:
                    return
            except KafkaException:
                time.sleep(0.05)
        last = "\n".join((self._folder / "broker.out").read_text(errors="replace").splitlines()[-20:])
        raise ServiceFailed(f"Kafka at {self.bootstrap} did not answer in {_READY_S_MAX} s; its last lines:\n{last}")

    def _end(self, how: signal.Signals) -> None:
        if self._watch is not None:
            self._watch.kill()
            self._watch.wait()
            self._watch = None
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _java(libs: Path, heap_mb: int) -> list[str]:
    return ["java", f"-Xmx{heap_mb}m", "-XX:+ExitOnOutOfMemoryError", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{libs}/*"]
