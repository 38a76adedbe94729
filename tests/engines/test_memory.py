"""A worker's memory does not depend on what waits for it, nor on how large a record is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from instream.settings import load
from instream.testing.faults.pipeline import Setting, setting
from instream.testing.faults.running import Running
from instream.testing.faults.scenarios import until
from instream.testing.kafka import Broker

SLACK = 64 << 20


def value(length: int) -> bytes:
    """A record of so many bytes, most of them in a field that nobody asks for."""
    start = b'{"id": 1, "x": 1.0, "filler": "'
    return start + b"a" * (length - len(start) - 2) + b'"}'


def peak(running: Running) -> int:
    """The largest resident memory that the one worker has had, bytes; 0 before it runs and after it ended."""
    for pid in running.workers():
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "VmHWM:" in status:
            return int(status.split("VmHWM:")[1].split()[0]) << 10
    return 0


def warm(made: Setting, broker: Broker) -> int:
    """Peak of a worker that has loaded its model and scored little."""
    broker.produce(f"{made.name}-in", repeat(value(150), 200))
    running = made.run(log="warm.log")
    until(lambda: "partitions assigned" in running.log and not made.uncommitted(), 180, "a few records are scored")
    time.sleep(1)
    found = peak(running)
    assert running.terminate() == 0, running.log
    return found


def peaks(running: Running) -> Iterator[int]:
    while found := peak(running):
        yield found
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("count", "length"), [(2_000_000, 150), (2_000, 990_000)])
def test_a_backlog_does_not_grow_a_worker(broker: Broker, unique: str, tmp_path: Path, count: int, length: int) -> None:
    """Law 7: peak memory stays under warm plus limits.bytes plus 64 MB."""
    made = setting(broker.bootstrap, unique, tmp_path, "at_least_once", partitions=2)
    before = warm(made, broker)
    broker.produce(f"{unique}-in", repeat(value(length), count))
    running = made.run("--until", "end", log="backlog.log")
    until(lambda: peak(running) > 0, 60, "the worker runs")
    largest = max(peaks(running))
    assert running.wait() == 0, running.log
    assert made.uncommitted() == 0
    limit = int(load(made.file).limits.bytes)
    print(f"{count:,} of {length:,} B: warm {before >> 20} MiB, peak {largest >> 20} MiB, limit {(before + limit + SLACK) >> 20} MiB")
    assert largest <= before + limit + SLACK
