"""Being asked to end: SIGTERM and the first Ctrl-C ask, another Ctrl-C ends this process now."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator

from instream.process.exits import Exit


class Asked:
    """Whether somebody has asked this process to end."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._interrupts = 0
        self._drain: Callable[[], None] = self._event.set

    def __bool__(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout_s: float) -> None:
        """Until somebody asks, at most so long."""
        self._event.wait(timeout_s)

    def tell(self, drain: Callable[[], None]) -> None:
        """Who is to be told, from a signal handler; at once, if somebody asked before there was anybody."""
        self._drain = drain
        if self:
            drain()

    def listen(self) -> None:
        """Take the signals, again where an engine's client has put its own handler there. Only the main thread gets any."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: self.ask())
            signal.signal(signal.SIGINT, lambda *_: self._interrupted())

    def ask(self) -> None:
        self._event.set()
        self._drain()

    def _interrupted(self) -> None:
        self._interrupts += 1
        if self._interrupts > 1:
            os._exit(int(Exit.UNFINISHED))  # the JVM and its workers see that we are gone
        self.ask()


@contextlib.contextmanager
def asked_to_end() -> Iterator[Asked]:
    """Signals are ours for as long as the block lasts."""
    asked = Asked()
    mine = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)} if mine else {}
    asked.listen()
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
