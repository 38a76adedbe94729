"""Other processes, as the kernel tells of them (Linux)."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Literal

_EVERY_S = 0.2
_FREEZING_S = 5.0


def children(pid: int) -> list[int]:
    """Process ids of the children that run now."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(found) for found in listed.stdout.split()]


def descendants(pid: int) -> list[int]:
    """A process and all that it started."""
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        found.append(parent)
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                todo += map(int, children.read_text().split())
            except OSError:  # a thread or the process ended meanwhile
                continue
    return found


def command_of(pid: int) -> str:
    """Its command line; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def memory(pid: int, which: Literal["VmRSS", "VmHWM"] = "VmRSS") -> int:
    """Resident memory in bytes, now or the most that it ever was; 0 where there is no such process."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        found = re.search(rf"{which}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) << 10 if found else 0
    return 0


def freeze(pid: int) -> None:
    """SIGSTOP, and wait until every thread stands: a thread that runs on another core stops a little later.

    Raises:
        TimeoutError: one still ran after five seconds.
    """
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + _FREEZING_S
    while any(_state(thread) not in "TXZ" for thread in Path(f"/proc/{pid}/task").iterdir()):
        if time.monotonic() > end:
            raise TimeoutError(f"process {pid} did not stop within {_FREEZING_S} s")
        time.sleep(0.001)


def _state(thread: Path) -> str:
    """One letter, see proc_pid_stat(5); X for a thread that is gone."""
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def forget_peak(pid: int) -> None:
    """The most that a process ever was (VmHWM) begins anew with what it is now; see proc_pid_clear_refs(5)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


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
