"""End on SIGTERM between two records or batches."""

from __future__ import annotations

import signal


class Stopping:
    """True once the process was asked to stop."""

    def __init__(self) -> None:
        self._asked = False
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._stop)

    def _stop(self, *_: object) -> None:
        self._asked = True

    def __bool__(self) -> bool:
        return self._asked
