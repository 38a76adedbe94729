"""A command of instream as a process of its own, as an operator has it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from instream.flow.points import VARIABLE
from instream.testing.processes import children


class Running:
    """One supervisor with its processes; what they say is kept in a file."""

    def __init__(self, log: Path, command: str, *arguments: str, kill_at: Path | None = None) -> None:
        """Start.

        Args:
            log: standard error is appended to it.
            command: such as `run`.
            kill_at: a file of `point:n` lines; each worker takes one and dies there.
        """
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "instream.cli", command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **({VARIABLE: f"@{kill_at}"} if kill_at is not None else {})},
            )

    @property
    def pid(self) -> int:
        """Of the supervisor."""
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def workers(self) -> list[int]:
        """Process ids of the workers that run now."""
        return children(self._process.pid)

    def wait_until_said(self, phrase: str, times: int = 1, timeout_s: float = 180) -> None:
        """Until the log has the phrase so often. Raises AssertionError with the log when it does not come."""
        until = time.monotonic() + timeout_s
        while self.log.count(phrase) < times:
            assert self._process.poll() is None, f"ended with {self._process.returncode}:\n{self.log}"
            assert time.monotonic() < until, f"{phrase!r} not said {times} times in {timeout_s} s:\n{self.log}"
            time.sleep(0.1)

    def kill(self) -> list[int]:
        """kill -9 of the supervisor, if it lives; the workers that it leaves behind."""
        orphans = self.workers()
        self._process.kill()
        self._process.wait()
        return orphans

    def terminate(self, timeout_s: float = 120) -> int:
        """SIGTERM; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 120) -> int:
        """The exit status. Raises AssertionError with the log when it does not end."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end in {timeout_s} s:\n{self.log}") from None

    def deaths(self) -> Counter[str]:
        """How often workers died at each point."""
        return Counter(re.findall(r"killed at (\w+)", self.log))


def gone(pids: Sequence[int], within_s: float) -> bool:
    """Whether all these processes end in time."""
    until = time.monotonic() + within_s
    while any(_alive(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _alive(pid: int) -> bool:
    """Running, and not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
