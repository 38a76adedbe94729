"""Spark: ours, an empty function in the same place, and queries by hand. Two cores."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.contestants.ours import write_pipeline
from benchmarks.contestants.protocol import Contestant, Job, check_copied

_BENCHMARKS = Path(__file__).parent.parent
_BIN = _BENCHMARKS.parent / ".venv-spark" / "bin"


def _ours(job: Job) -> Sequence[str]:
    tables = {
        "dead_letter": f'url = "kafka://{job.bootstrap}/dead"',
        "engine": 'kind = "spark"\nworkers = 2\nbatch_records = 400000',
    }
    return [str(_BIN / "instream"), "run", str(write_pipeline(job, tables))]


def _by_hand(kind: str, job: Job) -> Sequence[str]:
    return [
        str(_BIN / "python"),
        "-m",
        "benchmarks.peers.spark_job",
        kind,
        *(job.bootstrap, job.source, job.sink, job.group, str(job.model), str(job.folder)),
    ]


SPARK = Contestant("instream-spark", "instream on Spark", _ours)
SPARK_EMPTY = Contestant("spark-empty", "PySpark, empty mapInArrow", partial(_by_hand, "empty"), check_copied)
SPARK_ARROW = Contestant("spark-arrow", "PySpark, mapInArrow by hand", partial(_by_hand, "arrow"))
SPARK_UDF = Contestant("spark-udf", "PySpark, from_json and a pandas UDF", partial(_by_hand, "udf"))
