"""(d) Kafka Streams in Java with ONNX Runtime, one call a record; built by Maven outside the checkout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestants.maven import built
from benchmarks.contestants.protocol import Contestant, Job

_PROJECT = Path(__file__).parent.parent / "peers" / "kafka-streams"


def prepare() -> None:
    """Build the peer, unless these sources were built before."""
    built(_PROJECT)


def _command(job: Job) -> Sequence[str]:
    folder = built(_PROJECT)
    return [
        "java",
        "-Xms1g",
        "-Xmx1g",
        "-XX:+UseParallelGC",  # throughput; on two processors and little memory the JVM would choose the serial one
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-cp",
        f"{folder}/peer.jar:{folder}/libs/*",
        "bench.Main",
        *(job.bootstrap, job.source, job.sink, job.group, str(job.model), str(job.folder / "state")),
    ]


KAFKA_STREAMS = Contestant("kafka-streams", "Kafka Streams, ONNX Runtime (Java)", _command, prepare=prepare)
