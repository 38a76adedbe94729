"""Flights between two topics of a real Kafka broker, on Flink or Spark: the model is swapped and a task killed in mid-stream."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Literal, cast

import msgspec
import numpy as np
from rich.table import Table

from examples.flights import data, train
from examples.flights.account import Output
from examples.flights.progress import console, step
from examples.flights.stream import Seen, stream
from examples.flights.topics import Topics
from instream.package import Version
from instream.publishing import publish
from instream.stores import open_store, promote
from instream.testing.kafka import Broker
from instream.testing.processes import command_of, descendants

Engine = Literal["flink", "spark"]

FOLDER = Path("build/demo")
KILLED_AFTER_S = 3.0
"""After the promotion."""

_TASKS = {"flink": "pyflink.fn_execution", "spark": "pyspark.daemon"}
_OPTIONS = {
    "flink": ("--set=delivery.mode=exactly_once", "--set=engine.checkpoint_ms=1000"),
    "spark": ("--set=output.source_id=true", "--set=engine.batch_records=20000"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("engine", choices=["flink", "spark"])
    parser.add_argument("--rate", type=float, default=5_000, help="records a second (default: %(default)s)")
    parser.add_argument("--records", type=int, default=100_000, help="flights (default: %(default)s)")
    asked = parser.parse_args()
    engine = cast(Engine, asked.engine)
    folder = FOLDER / engine
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("delays.toml"), folder)
    records = published(f"sqlite:///{folder.resolve()}/models.db", asked.records)
    with ExitStack() as stack:
        with step("a Kafka broker of its own"):
            broker = stack.enter_context(Broker())
        topics = stack.enter_context(closing(Topics(broker, "flights", folder)))
        with step(f"{engine.capitalize()}, started on this machine by `instream run delays.toml --engine {engine}`"):
            topics.run(f"--engine={engine}", "--workers=2", *_OPTIONS[engine])
        disturbed = Disturbed(topics, engine, f"sqlite:///{folder.resolve()}/models.db")
        with console.status("streaming") as status:
            seen = stream(topics, records, asked.rate, disturbed, lambda now: status.update(f"{now.lines:,} of {len(records):,} outputs"))
        dead = topics.dead()
        topics.wait()
    show(engine, seen, records, dead, disturbed.killed)


def published(store: str, count: int) -> list[bytes]:
    """Two versions in the store, the first in force; and the records."""
    flights = data.flights()
    learn = data.first_months(flights)
    sample = learn[data.FEATURES].sample(5_000, random_state=0)
    for number, (fit, kind) in enumerate(((train.version_1, "logistic regression"), (train.version_2, "gradient boosting")), 1):
        with step(f"version {number}: a {kind}, trained, converted and proved"):
            publish(fit(learn), name="delay", sample=sample, store=store)
    return data.lines(data.later_months(flights).head(count))


class Disturbed:
    """In the middle of the stream: version 2 is promoted, and a little later a task's process is killed."""

    def __init__(self, topics: Topics, engine: Engine, store: str) -> None:
        self._topics, self._engine, self._store = topics, engine, store
        self.killed = 0

    def __call__(self) -> None:
        promote(open_store(self._store), "delay", Version(2), by="demo", note="in mid-stream")
        threading.Timer(KILLED_AFTER_S, self._kill).start()

    def _kill(self) -> None:
        tasks = [pid for pid in descendants(self._topics.pid) if _TASKS[self._engine] in command_of(pid)]
        os.kill(tasks[-1], signal.SIGKILL)  # of Spark's the first is the one that starts the others
        self.killed = tasks[-1]


def show(engine: Engine, seen: Seen, records: Sequence[bytes], dead: int, killed: int) -> None:
    decode = msgspec.json.Decoder(Output).decode
    read = [(at_ns, decode(line)) for at_ns, chunk in seen.chunks for line in chunk.split(b"\n") if line]
    ids = [output.id for _, output in read]
    distinct = set(ids)
    latencies = [(at_ns - seen.written_ns[output.id]) / 1e6 for at_ns, output in read if output.id]
    seconds = (read[-1][0] - int(seen.written_ns[1])) / 1e9
    table = Table(title=f"On {engine.capitalize()}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, figure in (
        ("in", f"{len(records):,}"),
        ("out", f"{len(ids):,}"),
        ("dead-lettered", f"{dead:,}"),
        ("lost", f"{len(records) - len(distinct) - dead:,}"),
        ("duplicated", f"{len(ids) - len(distinct):,}"),
        *((f"scored by delay@{version}", f"{count:,}") for version, count in sorted(Counter(o.version for _, o in read).items())),
        ("records/s", f"{len(ids) / seconds:,.0f}"),
        ("latency p50, ms", f"{np.percentile(latencies, 50):,.0f}"),
        ("latency p99, ms, with the kill", f"{np.percentile(latencies, 99):,.0f}"),
    ):
        table.add_row(name, figure)
    console.print("\n", table)
    console.print(f"\nThe Python process {killed} of a task was killed {KILLED_AFTER_S:.0f} s after the promotion; log: {FOLDER / engine}.")


if __name__ == "__main__":
    main()
