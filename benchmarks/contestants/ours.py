"""instream: `instream run` with a pipeline file, as a user would start it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.contestants.protocol import Contestant, Job

_FILE = """\
name = "{group}"

[model]
name = "w2"
store = "{store}"

[output]
echo = ["id"]

[source]
url = "kafka://{bootstrap}/{source}"
start = "earliest"

[sink]
url = "kafka://{bootstrap}/{sink}"
"""


def write_pipeline(job: Job, overrides: Mapping[str, str] = {}) -> Path:
    """The pipeline file of a job; `overrides` are more TOML, by table."""
    tables = "".join(f"\n[{table}]\n{text}\n" for table, text in overrides.items())
    path = job.folder / "w2.toml"
    path.write_text(
        _FILE.format(group=job.group, store=job.store, bootstrap=job.bootstrap, source=job.source, sink=job.sink) + tables,
        encoding="utf-8",
    )
    return path


def command(overrides: Mapping[str, str], job: Job) -> Sequence[str]:
    """`instream run` on the pipeline file of a job."""
    return [str(Path(sys.executable).with_name("instream")), "run", str(write_pipeline(job, overrides))]


ONE = Contestant("instream", "instream, at least once", partial(command, {}))
EXACTLY = Contestant("instream-eo", "instream, exactly once", partial(command, {"delivery": 'mode = "exactly_once"'}))
TWO = Contestant("instream-2", "instream, 2 workers", partial(command, {"engine": "workers = 2"}))
