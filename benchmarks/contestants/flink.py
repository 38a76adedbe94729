"""Flink: ours, an empty function in the same place, and jobs by hand, in Python and in Java. Exactly once, parallelism 2."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.contestants.maven import built
from benchmarks.contestants.ours import write_pipeline
from benchmarks.contestants.protocol import Contestant, Job, check_copied

_BENCHMARKS = Path(__file__).parent.parent
_BIN = _BENCHMARKS.parent / ".venv-flink" / "bin"
_JAVA = _BENCHMARKS / "peers" / "flink-java"


def _ours(job: Job) -> Sequence[str]:
    tables = {
        "delivery": 'mode = "exactly_once"',
        "dead_letter": f'url = "kafka://{job.bootstrap}/dead"',
        "engine": 'kind = "flink"\nworkers = 2\ncheckpoint_ms = 1000',
    }
    return [str(_BIN / "instream"), "run", str(write_pipeline(job, tables))]


def _by_hand(kind: str, job: Job) -> Sequence[str]:
    return [
        str(_BIN / "python"),
        "-m",
        "benchmarks.peers.flink_job",
        kind,
        *(job.bootstrap, job.source, job.sink, job.group, str(job.model), str(job.folder)),
    ]


def _prepare() -> None:
    built(_JAVA)


def _java(job: Job) -> Sequence[str]:
    folder = built(_JAVA)
    opens = ["java.base/java.util", "java.base/java.lang", "java.base/java.time"]
    return [
        "java",
        "-Xms1g",
        "-Xmx1g",
        "-XX:+UseParallelGC",
        *(f"--add-opens={each}=ALL-UNNAMED" for each in opens),
        "-cp",
        f"{folder}/peer.jar:{folder}/libs/*",
        "bench.Main",
        *(job.bootstrap, job.source, job.sink, job.group, str(job.model), str(job.folder / "checkpoints")),
    ]


FLINK = Contestant("instream-flink", "instream on Flink", _ours)
FLINK_EMPTY = Contestant("flink-empty", "PyFlink, empty function", partial(_by_hand, "empty"), check_copied)
FLINK_PANDAS = Contestant("flink-pandas", "PyFlink, pandas function by hand", partial(_by_hand, "pandas"))
FLINK_MAP = Contestant("flink-map", "PyFlink, map as people write it", partial(_by_hand, "map"))
FLINK_JAVA = Contestant("flink-java", "Flink, ONNX Runtime (Java)", _java, prepare=_prepare)
