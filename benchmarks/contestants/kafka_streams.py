"""(d) Kafka Streams in Java with ONNX Runtime, one call a record; built by Maven outside the checkout."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestants.protocol import Contestant, Job
from instream.testing.jars import cache_folder

_PROJECT = Path(__file__).parent.parent / "peers" / "kafka-streams"


def _build_folder() -> Path:
    digest = hashlib.sha256()
    for source in sorted([_PROJECT / "pom.xml", *_PROJECT.glob("src/**/*.java")]):
        digest.update(source.read_bytes())
    return cache_folder() / f"bench-kafka-streams-{digest.hexdigest()[:12]}"


def prepare() -> None:
    """Build the peer, unless these sources were built before."""
    folder = _build_folder()
    if not (folder / "ready").exists():
        subprocess.run(["mvn", "-q", "-B", "-f", str(_PROJECT / "pom.xml"), f"-Dbuild.folder={folder}", "package"], check=True)
        (folder / "ready").touch()


def _command(job: Job) -> Sequence[str]:
    folder = _build_folder()
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
