"""The same records without a pace: how many a second does one worker score?"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from examples.flights.pipes import CHUNK_BYTES, INSTREAM
from examples.flights.topics import Topics
from instream.testing.kafka import Broker

TIMES = 2
"""The records are streamed so often, so that the start does not count for much."""


def through_pipes(folder: Path, records: Sequence[bytes], *options: str) -> tuple[str, float]:
    """From a file to standard output."""
    source = folder / "fast.jsonl"
    source.write_bytes((b"\n".join(records) + b"\n") * TIMES)
    command = [*INSTREAM, "run", str(folder / "delays.toml"), "--set=name=delays-fast", "--set=source.url=fast.jsonl"]
    command += ["--set=dead_letter.url=fast-dead.jsonl", "--from=earliest", "--until=end", *options]
    with (folder / "fast.log").open("wb") as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:
        assert process.stdout is not None
        number = process.stdout.fileno()
        said, rate = measured(lambda: os.read(number, CHUNK_BYTES) or None)
    source.unlink()
    if process.returncode:
        raise SystemExit(f"the pipeline ended with exit status {process.returncode}; {folder}/fast.log says why")
    return f"{said}, from a file to standard output", rate


def filled(broker: Broker, folder: Path, records: Sequence[bytes], name: str = "flights-fast") -> Topics:
    """A topic that is full before a pipeline starts; filling it also warms the broker's code."""
    topics = Topics(broker, name, folder)
    for _ in range(TIMES):
        for start in range(0, len(records), 10_000):
            topics.write(records[start : start + 10_000])
    topics.finish()
    return topics


def through_topics(topics: Topics, *options: str) -> tuple[str, float]:
    """From a full topic to another."""
    topics.run("--from=earliest", *options)
    said, rate = measured(topics.read)
    topics.wait()
    return f"{said}, from topic to topic, with the broker and this reader on the same cores", rate


def measured(read: Callable[[], bytes | None]) -> tuple[str, float]:
    """Outputs a second from the first chunk to the last: the start of the process is left out."""
    first_s = last_s = 0.0
    first = count = 0
    while (chunk := read()) is not None:
        last_s = time.monotonic()
        count += chunk.count(b"\n")
        first_s, first = first_s or last_s, first or count
    rate = (count - first) / (last_s - first_s) if last_s > first_s else 0.0
    return f"{count:,} outputs at {rate:,.0f} records/s with one worker", rate
