"""A new version is promoted in mid-stream, at full speed, and takes seconds to load: what does the stream feel?

The broker's append times tell when outputs came, so the gaps are those that a reader sees; the version in each
output tells which model gave it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import report, workload
from benchmarks.contestants import Job
from benchmarks.contestants.ours import ONE
from benchmarks.drain import Failed, stop
from benchmarks.model import NAME, publish_w2, write_slow_onnx
from benchmarks.stage import CONSOLE, Stage, progress, stage
from benchmarks.timeline import Timeline, read_timeline
from benchmarks.topics import Extent, output_topic

LOAD_S = 5.0
_PROMOTE_AT = 0.1
_AFTER_MS = 1_000
_STALL_S = 60

Promote = Callable[[], int]


def swap(rounds: int, records: int) -> None:
    """Drain with and without a swap, in turns; print gaps and the share of records, write the JSON file."""
    found = []
    with stage() as on:
        with CONSOLE.status(f"publishing a version that takes {LOAD_S:g} s to load"):
            publish_w2(write_slow_onnx(on.folder / "slow.onnx", LOAD_S), on.store)
        source = on.fill("w2", records, workload.records(records))
        for number in range(rounds):
            where = f"round {number + 1}/{rounds}"
            still = _run(on, source, records, None, f"{where}  without a swap")
            moved = _run(on, source, records, lambda: _promote(on.store, 2), f"{where}  with a swap")
            found.append(_compare(still, moved))
    report.write("swap", {"rounds": found})


def _run(on: Stage, source: str, records: int, promote: Promote | None, what: str) -> Timeline:
    _promote(on.store, 1)
    job = on.job("swap", source)
    with output_topic(job.bootstrap, job.sink, message_timestamp_type="LogAppendTime"), (job.folder / "log").open("wb") as log:
        process = subprocess.Popen(ONE.command(job), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            with progress(what, records) as more:
                promoted_ms = _watch(process, job, records, promote, more)
        finally:
            stop(process)
        with CONSOLE.status("reading the outputs"):
            return read_timeline(job.bootstrap, job.sink, records, promoted_ms)


def _watch(process: subprocess.Popen[bytes], job: Job, records: int, promote: Promote | None, more: Callable[[int], None]) -> int:
    """Wait until all records are out, and promote on the way; when that was, Unix ms."""
    extent, seen, promoted_ms, moved = Extent(job.bootstrap, job.sink), 0, 0, time.monotonic()
    while seen < records:
        outputs = extent()
        if outputs > seen:
            more(outputs - seen)
            seen, moved = outputs, time.monotonic()
        if promote is not None and not promoted_ms and seen >= _PROMOTE_AT * records:
            promoted_ms = promote()
        if process.poll() is not None or time.monotonic() > moved + _STALL_S:
            raise Failed(f"ended or stood still after {seen:,} records:\n{(job.folder / 'log').read_text(errors='replace')[-3000:]}")
        time.sleep(0.05)
    return promoted_ms


def _promote(store: str, version: int) -> int:
    """Make a version the champion, as a person would; when that was done, in Unix ms."""
    instream = str(Path(sys.executable).with_name("instream"))
    subprocess.run([instream, "promote", NAME, str(version), "--store", store], check=True, capture_output=True)
    return time.time_ns() // 1_000_000


def _compare(still: Timeline, moved: Timeline) -> dict[str, float]:
    """The seconds from the promotion until a second after the first answer of the new version, against as many without."""
    if not moved.second.any():
        raise Failed("the stream ended before version 2 was loaded: take more --records")
    first = int(moved.times[moved.second][0])
    span = first + _AFTER_MS - moved.promoted_ms
    begin = int(still.times[int(len(still.times) * _PROMOTE_AT)])
    found = {
        "swap_s": (first - moved.promoted_ms) / 1000,
        "gap_ms": moved.gap_ms(moved.promoted_ms, moved.promoted_ms + span),
        "gap_without_ms": still.gap_ms(begin, begin + span),
        "share_of_records": moved.count(moved.promoted_ms, moved.promoted_ms + span) / max(1, still.count(begin, begin + span)),
    }
    CONSOLE.print(
        f"version 2 answered {found['swap_s']:.1f} s after its promotion; longest gap {found['gap_ms']:.0f} ms "
        f"({found['gap_without_ms']:.0f} without a swap; goal: at most 50 that it caused); "
        f"{found['share_of_records']:.2f} of the records (goal: 0.8)"
    )
    return found
