"""Numbers for the workers of a pipeline that no other worker of it on this machine has."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO

from instream.errors import SettingsInvalid

_SLOTS_MAX = 1024


class Slots:
    """Locked files, freed by the kernel when the supervisor ends in whatever way.

    Two runs of one pipeline on a machine get different numbers, so they share its partitions; a run that was
    killed and is started again gets the old numbers, so it takes its predecessor's place at once.
    """

    def __init__(self, pipeline: str, count: int) -> None:
        folder = Path(tempfile.gettempdir()) / f"instream-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        self.numbers: list[int] = []
        self._locks: list[IO[bytes]] = []
        for number in range(_SLOTS_MAX):
            if len(self.numbers) == count:
                return
            lock = (folder / f"{pipeline}.{number}.lock").open("wb")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
            else:
                self.numbers.append(number)
                self._locks.append(lock)
        self.close()
        raise SettingsInvalid(f"{pipeline}: {_SLOTS_MAX} workers run on this machine already; engine.workers = {count} is too many")

    def close(self) -> None:
        for lock in self._locks:
            lock.close()
        self._locks.clear()
