"""Folders that several processes use: held while in use, removed only when nobody holds them (`flock`, which dies with its process)."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TURN_S = 60.0  # how long to wait for a process that fetches the same package before fetching it too


def hold(folder: Path) -> int | None:
    """Lock a folder against removal; None when it is not there. Closing the descriptor lets go."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        same = os.path.samestat(os.stat(folder), os.fstat(descriptor))
    except FileNotFoundError:
        same = False
    if not same:  # removed, or removed and made again, before the lock was ours
        os.close(descriptor)
        return None
    return descriptor


def removed(folder: Path) -> bool:
    """Remove a folder unless somebody holds it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        trash = folder.with_name(f".trash-{uuid.uuid4().hex}")
        folder.rename(trash)
    except OSError:  # held, or another process removed it
        return not folder.exists()
    finally:
        os.close(descriptor)
    shutil.rmtree(trash, ignore_errors=True)
    return True


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """One process fetches, the others wait, but not for ever. There are 256 such files at most."""
    with path.open("ab") as stream:
        end = time.monotonic() + _TURN_S
        while time.monotonic() < end:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        yield
