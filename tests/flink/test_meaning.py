"""One pipeline file on Flink and on instream's own workers: the same records in both output topics and in both dead letter topics."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from instream.stores import open_store
from instream.testing.kafka import PASSWORD, USER, Broker
from instream.testing.models import linear_package
from instream.testing.topics import Seen

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

AT_MS = 1_372_636_800_000

FEATURES = """
import pyarrow as pa
import pyarrow.compute as pc

def make(batch):
    rows = pc.indices_nonzero(pc.not_equal(batch.column("x"), 13.0))
    kept = batch.take(rows)
    return pa.RecordBatch.from_arrays([pc.multiply(kept.column("x"), 10.0), pc.cast(rows, pa.int32())], names=["x", "__row"])
"""

FILE = """
name = "{name}"
[model]
name = "delay"
store = "sqlite:///models.db"
[features]
function = "features.py:make"
[output]
echo = ["id"]
source_id = true
[source]
url = "{broker}/{source}"
start = "earliest"
options = {options}
[source.fields]
x = "/x"
[sink]
url = "{broker}/{name}-out"
options = {options}
[dead_letter]
url = "{broker}/{name}-dead"
max_fraction = 0.9
[delivery]
mode = "exactly_once"
[limits]
record_bytes = 2000
[engine]
workers = 2
scoring = 3
checkpoint_ms = 500
checkpoints = "states"
"""

LOGIN = (
    f'{{"security.protocol" = "SASL_PLAINTEXT", "sasl.mechanisms" = "PLAIN", "sasl.username" = "{USER}", "sasl.password" = "{PASSWORD}"}}'
)
GOOD = [b'{"id": %d, "x": %d.5}' % (n, n) for n in range(400)]
FILTERED = [b'{"id": 400, "x": 13.0}']
BAD = [
    None,
    b"",
    b"\xff\xfe",
    b'{"id": 1, "x": 2',
    b"[1]",
    b'{"id": 402, "x": "n/a"}',
    b'{"id": 403}',
    b'{"id": 404, "x": 1.0, "pad": "' + b"p" * 3000 + b'"}',
]
OWN = [("trace", b"a1"), ("empty", b"")]
OLD = [*OWN, ("instream-error", b"of an earlier run"), ("instream-version", b"7"), ("instream-tombstone", b"true")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model and a feature step, to which pipeline files are put."""
    made = tmp_path / "pipeline"
    made.mkdir()
    open_store(f"sqlite:///{made}/models.db").put(linear_package(made, 2.0, 1.0))
    (made / "features.py").write_text(FEATURES)
    return made


def produced(broker: Broker, topic: str) -> None:
    """Records of every kind, with keys and without, with headers and without."""
    values: Sequence[bytes | None] = [*GOOD, *FILTERED, *BAD]
    broker.produce(topic, values, keys=[b"k%d" % (n % 7) for n in range(len(values))], headers=OWN, timestamp=AT_MS)
    broker.produce(topic, [GOOD[0], None, b"no key", b'{"id": 1}'], timestamp=AT_MS + 1)
    broker.produce(topic, [b"again", None], keys=[b"\xff\x00", b""], headers=OLD, timestamp=AT_MS + 2)


def instream_run(folder: Path, name: str, *more: str) -> str:
    """`instream run --until end` as an operator has it: any folder, an environment that has only the PATH; what it said."""
    environment = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "JVM_ARGS") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "instream.cli", "run", str(folder / f"{name}.toml"), "--until", "end", *more],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def comparable(seen: Sequence[Seen], name: str) -> list[tuple[object, ...]]:
    """What must be equal; the order within a partition is lost with `engine.scoring`, that of headers in Flink's map."""
    return sorted(
        (each.key or b"", each.key is None, each.value, each.timestamp_ms, each.partition if each.key is not None else -1, headers)
        for each in seen
        for headers in [sorted((key, (value or b"").replace(name.encode(), b"NAME")) for key, value in each.headers)]
    )


def test_flink_gives_what_our_own_workers_give(broker: Broker, unique: str, folder: Path) -> None:
    """Laws 1, 2 and 10: values, keys, timestamps, headers, partitions of keys and dead letters, of good and bad records."""
    source = broker.create_topic(f"{unique}-in", 2)
    names = {"flink": f"{unique}f", "workers": f"{unique}w"}
    for name in names.values():
        broker.create_topic(f"{name}-out", 3)
        broker.create_topic(f"{name}-dead", 3)
        (folder / f"{name}.toml").write_text(FILE.format(name=name, broker=f"kafka://{broker.secured}", source=source, options=LOGIN))
    produced(broker, source)
    for engine, name in names.items():
        instream_run(folder, name, "--engine", engine)
    for topic in ("out", "dead"):
        flink, workers = (comparable(broker.visible(f"{name}-{topic}"), name) for name in names.values())
        assert flink == workers
    assert len(broker.visible(f"{names['flink']}-out")) == len(GOOD) + 1
    assert len(broker.visible(f"{names['flink']}-dead")) == len(BAD) + 5

    instream_run(folder, names["flink"], "--engine", "flink")  # nothing new: no job
    broker.produce(source, [b'{"id": 500, "x": 5.0}'])
    said = instream_run(folder, names["flink"], "--engine", "flink")
    assert "goes on from" not in said
    outputs = broker.visible(f"{names['flink']}-out")
    assert len(outputs) == len(GOOD) + 2
    assert sum(each.value == b'{"id":500,"y":101.0,"version":1}' for each in outputs) == 1
