"""What our functions do once in each Python worker that a JVM has started.

They end when the JVM is gone. Beam's worker sees that its connections break, and on its way out waits for ever for a lock that
its own log handler holds: one of two workers was still there 30 s after `kill -9` of the JVM, with a model in memory and a store
that it asked. And what they say goes into Flink's log: their standard error leads to a file that nobody finds.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from pathlib import Path

from instream.observe import logs

_LOOK_S = 1.0
_BOOT = "pyflink.fn_execution.beam.beam_boot"
_ENDED = 70
_guard = threading.Lock()
_begun = False


def begin_worker() -> None:
    """Once a process; nothing where this is no worker, as where Flink runs Python in threads of the client."""
    global _begun
    jvm = _grandparent()
    with _guard:
        if _begun or getattr(sys.modules["__main__"].__spec__, "name", "") != _BOOT:
            return
        _begun = True
    logs.configure("info")
    logs.write_to(logging.getLogger("instream").info)
    if jvm is not None:
        threading.Thread(target=_watch, args=(jvm,), name="jvm-watch", daemon=True).start()


def _watch(jvm: int) -> None:
    while _grandparent() == jvm:
        time.sleep(_LOOK_S)
    os._exit(_ENDED)


def _grandparent() -> int | None:
    """The parent of the shell that started this process; None where there is no /proc."""
    try:
        return int(Path(f"/proc/{os.getppid()}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, ValueError, IndexError):
        return None
