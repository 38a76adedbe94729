"""Named points where a crash test kills this process for real. Without the variable they do nothing."""

from __future__ import annotations

import os
import signal
import sys

VARIABLE = "INSTREAM_KILL_AT"
"""`point:n` kills at the n-th time that the point is reached (from 1)."""

POINTS = ("polled", "scored", "produced", "offsets_sent", "committing", "committed", "publishing")

_point, _, _nth = os.environ.get(VARIABLE, "").partition(":")
_left = int(_nth or 1)


def reached(point: str) -> None:
    """Say that a point was reached; called once a batch."""
    if point != _point:
        return
    global _left
    _left -= 1
    if _left == 0:
        print(f"killed at {point}", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
