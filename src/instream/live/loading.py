"""A version being prepared on a thread of its own, which can be given up though not stopped.

A thread is enough where the loader works without the GIL. onnxruntime 1.32 does, from a path: a forest of 107 MB loads
in 3.6 s and the longest wait of a busy Python thread beside it was 23 ms, a dense network of 201 MB 0.2 s and 7 ms. From
bytes the same network made it wait 340 ms, so formats give it paths. Ending a session holds the GIL: 60 to 100 ms for
that forest of 3.3 million nodes when it is retired, in proportion to its nodes, so below 10 ms for most forests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from instream.live import priority

T = TypeVar("T")


class Loading(Generic[T]):
    """Starts at once, below the scoring threads' priority. Native loaders cannot be interrupted, so a load that takes
    too long is left to end unheard."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._done = threading.Event()
        self._result: T | None = None
        self._error: Exception | None = None
        self._heard = True
        self._started = time.monotonic()
        self._ended = self._started
        threading.Thread(target=self._run, name="load", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Whether it is done, after at most so long."""
        return self._done.wait(seconds)

    @property
    def seconds(self) -> float:
        """How long it has been at it, or was."""
        return (self._ended if self._done.is_set() else time.monotonic()) - self._started

    def result(self) -> T:
        """What came out; raises what was raised. Only once it is done."""
        assert self._done.is_set()
        if self._error is not None:
            raise self._error
        result, self._result = self._result, None  # nothing but the snapshot keeps a model alive
        assert result is not None
        return result

    def give_up(self) -> None:
        """Drop the result, now or when it comes."""
        self._heard = False
        self._result = None

    def _run(self) -> None:
        priority.lower()
        try:
            result = self._work()
            if self._heard:
                self._result = result
        except Exception as error:  # told to whoever waits
            self._error = error
        self._ended = time.monotonic()
        self._done.set()
