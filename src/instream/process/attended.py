"""A worker under its supervisor: it says how it is, ends when told, and tells why it ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import NoReturn, Protocol

from instream.errors import InstreamError
from instream.observe import logs
from instream.process.exits import CRASHED, Exit, exit_of
from instream.process.link import Link
from instream.process.messages import Ended, Failed, Report, Start

_log = logs.get("worker")
_REPORT_S = 0.5


class Attended(Protocol):
    """What runs here; made by the composition root."""

    def run(self) -> str:
        """Why it ended, in words."""
        ...

    def drain(self, within_s: float | None = None) -> None: ...
    def report(self) -> Report: ...


class Attendant:
    """Between a worker and its supervisor; `run` ends this process."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._start = link.start()
        self._worker: Attended | None = None
        self._over = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: self._drain(None))
        signal.signal(signal.SIGINT, lambda *_: self._drain(None))
        link.listen(self._drain)

    def run(self, build: Callable[[Start], Attended]) -> NoReturn:
        """Build, run, tell, exit. Nothing of Python's shutdown runs: a scoring thread may still be busy for long."""
        try:
            self._worker = build(self._start)
            threading.Thread(target=self._report, name="reports", daemon=True).start()
            reason = self._worker.run()
        except InstreamError as error:
            found = exit_of(error)
            self._tell(Failed(f"{type(error).__name__}: {error}", found))
            self._exit(CRASHED if found is None else found)
        except BaseException as error:
            traceback.print_exc()
            self._tell(Failed(f"{type(error).__name__}: {error}; the traceback is in the log"))
            self._exit(CRASHED)
        self._tell(Ended(reason))
        self._exit(Exit.DONE)

    def _drain(self, within_s: float | None) -> None:
        if self._worker is not None:
            self._worker.drain(within_s)
        else:  # still loading: nothing is in flight
            self._tell(Ended("asked to end before it began"))
            self._exit(Exit.DONE)

    def _report(self) -> None:
        assert self._worker is not None
        while not self._over.wait(_REPORT_S):
            self._link.send(self._worker.report())

    def _tell(self, last: Ended | Failed) -> None:
        self._over.set()
        if self._worker is not None:
            self._link.send(self._worker.report())
        self._link.send(last)

    def _exit(self, status: int) -> NoReturn:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
