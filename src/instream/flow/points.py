"""Named points where a crash test kills this process for real. Without the variable they do nothing."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from pathlib import Path

VARIABLE = "INSTREAM_KILL_AT"
"""`point:n` kills at the n-th time that the point is reached (from 1). `@FILE` takes a line of that form out of a
file, so that processes which share the variable, or follow each other, are killed at different points, and those
that find it empty are not."""

POINTS = ("polled", "scored", "produced", "offsets_sent", "committing", "committed", "publishing", "parameters")

_wanted = os.environ.get(VARIABLE, "")
_point, _left = "", 0
_asked = False


def reached(point: str) -> None:
    """Say that a point was reached; called once a batch."""
    if not _wanted:
        return
    global _point, _left, _asked
    if not _asked:
        _asked = True  # once: another thread may come by while this one dies
        _point, _left = _plan()
    if point == _point:
        _left -= 1
        if _left == 0:
            print(f"killed at {point}", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)


def _plan() -> tuple[str, int]:
    """Where to die. Asked at the first point, so that a process which reaches none takes no line."""
    text = _take_line(Path(_wanted[1:])) if _wanted.startswith("@") else _wanted
    point, _, nth = text.partition(":")
    return point or "nowhere", int(nth or 1)


def _take_line(path: Path) -> str:
    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        first, *rest = file.read().splitlines() or [""]
        file.seek(0)
        file.truncate()
        file.write("".join(f"{line}\n" for line in rest))
        return first
