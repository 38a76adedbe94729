"""Other processes, as the kernel tells of them (Linux)."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
from pathlib import Path
from typing import Literal

_EVERY_S = 0.2


def children(pid: int) -> list[int]:
    """Process ids of the children that run now."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(found) for found in listed.stdout.split()]


def memory(pid: int, which: Literal["VmRSS", "VmHWM"] = "VmRSS") -> int:
    """Resident memory in bytes, now or the most that it ever was; 0 where there is no such process."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        found = re.search(rf"{which}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) << 10 if found else 0
    return 0


class Peak:
    """The most memory that the children of a process had, each by itself, looked at five times a second until `end`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peaks: dict[int, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Bytes, all children together."""
        self._over.set()
        self._thread.join()
        return sum(self._peaks.values())

    def _look(self) -> None:
        while not self._over.wait(_EVERY_S):
            for child in children(self._pid):
                self._peaks[child] = max(memory(child, "VmHWM"), self._peaks.get(child, 0))
