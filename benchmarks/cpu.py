"""CPU time of a process and all that it started, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

from instream.testing.processes import descendants

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class ProcessTree:
    """User and system time; what a process used before it ended still counts, as far as it was seen."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen: dict[int, float] = {}

    def seconds(self) -> float:
        """CPU seconds of the tree up to now."""
        for pid in descendants(self._pid):
            used = _own_seconds(pid)
            if used is not None:
                self._seen[pid] = used
        return sum(self._seen.values())


def _own_seconds(pid: int) -> float | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces
    return (int(fields[11]) + int(fields[12])) * _TICK_S
