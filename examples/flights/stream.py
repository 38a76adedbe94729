"""Write records at a steady pace at one end, read outputs at the other, and note when each happened."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

TICK_S = 0.005
PAUSE_S = 2.0
QUIET_S = 120.0
"""A pipeline that gives nothing for so long has failed."""


class Ends(Protocol):
    """Both ends of a running pipeline."""

    @property
    def pid(self) -> int:
        """Of its supervisor."""
        ...

    def write(self, records: Sequence[bytes]) -> None:
        """Put records where the pipeline reads; blocks when it cannot take more."""
        ...

    def finish(self) -> None:
        """Nothing follows."""
        ...

    def read(self) -> bytes | None:
        """Whole or broken lines that have become readable; None at the end."""
        ...


@dataclass
class Seen:
    """What was observed; times are monotonic nanoseconds.

    Attributes:
        written_ns: int64, for each record when it was written.
        chunks: bytes of outputs, and when they were readable.
        promoted_ns: when the other version was promoted; 0 if it was not.
        backlog: the records that were written at once, after a pause.
    """

    written_ns: npt.NDArray[np.int64]
    chunks: list[tuple[int, bytes]] = field(default_factory=list)
    promoted_ns: int = 0
    backlog: range = range(0)
    written: int = 0
    lines: int = 0


def stream(ends: Ends, records: Sequence[bytes], rate: float, promote: Callable[[], None], progress: Callable[[Seen], None]) -> Seen:
    """Stream all records at `rate` a second, promote in the middle, and return once every output was read.

    Late in the stream nothing is written for two seconds, and then what has been due since: as after a restart.

    The first record is written alone, and the pace starts when its output is there: a pipeline's start is not its latency.
    """
    seen = Seen(np.zeros(len(records), np.int64))
    reader = threading.Thread(target=read_all, args=(ends, seen), daemon=True)
    reader.start()
    write(ends, seen, records[:1])
    wait_for_first(seen, reader)
    writer = threading.Thread(target=write_paced, args=(ends, seen, records, rate, promote), daemon=True)
    writer.start()
    while reader.is_alive():
        progress(seen)
        reader.join(0.1)
    writer.join(QUIET_S)
    progress(seen)
    return seen


def wait_for_first(seen: Seen, reader: threading.Thread) -> None:
    until = time.monotonic() + QUIET_S
    while not seen.lines:
        if time.monotonic() > until or not reader.is_alive():
            raise SystemExit("the pipeline gave no output for the first record; its log says why")
        time.sleep(0.01)


def write_paced(ends: Ends, seen: Seen, records: Sequence[bytes], rate: float, promote: Callable[[], None]) -> None:
    start, middle, late = time.monotonic(), len(records) // 2, len(records) * 3 // 4
    while seen.written < len(records):
        if seen.written >= late and not seen.backlog:
            time.sleep(PAUSE_S)
            seen.backlog = range(seen.written, min(len(records), 1 + int((time.monotonic() - start) * rate)))
        due = min(len(records), 1 + int((time.monotonic() - start) * rate))
        if due > seen.written:
            write(ends, seen, records[seen.written : due])
        if seen.written >= middle and not seen.promoted_ns:
            seen.promoted_ns = time.monotonic_ns()
            threading.Thread(target=promote).start()
        time.sleep(TICK_S)
    ends.finish()


def write(ends: Ends, seen: Seen, records: Sequence[bytes]) -> None:
    seen.written_ns[seen.written : seen.written + len(records)] = time.monotonic_ns()
    ends.write(records)
    seen.written += len(records)


def read_all(ends: Ends, seen: Seen) -> None:
    while (chunk := ends.read()) is not None:
        seen.chunks.append((time.monotonic_ns(), chunk))
        seen.lines += chunk.count(b"\n")
