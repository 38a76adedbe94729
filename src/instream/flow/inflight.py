"""An ordered map over batches with several calls in flight, bounded in calls and bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


class Inflight(Generic[In, Out]):
    """Offer items, take results in the order of the offers.

    `Inflight(f, calls=4, nbytes=2**26)` holds at most four items and 64 MB; one item larger than the byte
    limit is taken when nothing else is in flight, so that it cannot wait for ever.
    """

    def __init__(self, apply: Callable[[In], Out], *, calls: int, nbytes: int) -> None:
        self._apply = apply
        self._calls = calls
        self._nbytes = nbytes
        self._held = 0
        self._queue: deque[tuple[In, int, Future[Out]]] = deque()  # bounded by `room`
        self._pool = ThreadPoolExecutor(calls, thread_name_prefix="inflight")

    def __len__(self) -> int:
        return len(self._queue)

    def room(self, nbytes: int = 0) -> bool:
        """Whether an item of this size may be offered now."""
        return not self._queue or (len(self._queue) < self._calls and self._held + nbytes <= self._nbytes)

    def offer(self, item: In, nbytes: int) -> None:
        """Start on an item; `room` must have said yes."""
        assert self.room(nbytes), (len(self._queue), self._held, nbytes)
        self._queue.append((item, nbytes, self._pool.submit(self._apply, item)))
        self._held += nbytes

    def take(self, timeout_s: float) -> tuple[In, Out] | None:
        """The oldest item and its result; None when it is not done in time or nothing is in flight.

        Raises whatever the function raised for that item, which is then no longer in flight.
        """
        if not self._queue:
            return None
        try:
            self._queue[0][2].exception(timeout_s)  # waits; concurrent.futures.wait does the same for 6 µs more of 25
        except TimeoutError:  # of this wait: what the function raised is returned, not raised
            return None
        item, nbytes, future = self._queue.popleft()
        self._held -= nbytes
        return item, future.result()

    def drop(self) -> None:
        """Forget everything in flight; what is running ends unheard."""
        for _, _, future in self._queue:
            future.cancel()
        self._queue.clear()
        self._held = 0

    def close(self) -> None:
        self.drop()
        self._pool.shutdown(wait=False, cancel_futures=True)
