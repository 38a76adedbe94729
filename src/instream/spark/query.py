"""A streaming query from its start to its end: watched, started again when it fails, and ended in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from py4j.protocol import Py4JNetworkError
from pyspark.errors import PySparkException
from pyspark.sql.streaming.query import StreamingQuery

from instream.errors import InstreamError, SinkFailed
from instream.process.exits import exit_of
from instream.settings import Engine
from instream.spark.batches import Batches
from instream.spark.faults import error_of, is_lasting
from instream.spark.progress import Progress

_LOOK_S = 0.2
_COMMIT_S = 5.0
"""For Spark's commit of a batch that was written: a small file."""

Start = Callable[[], StreamingQuery]


class Unfinished(SinkFailed):
    """A batch was not finished within engine.grace_s; the next run does it again, by the same pin."""


class Watch:
    """For the driver's main thread, but for `drain`."""

    def __init__(self, name: str, start: Start, batches: Batches, engine: Engine, progress: Progress, tick: Callable[[], None]) -> None:
        """Put the parts together.

        Args:
            start: starts the query, from where its checkpoint is.
            tick: called now and then while it runs.
        """
        self._name = name
        self._start = start
        self._batches = batches
        self._engine = engine
        self._progress = progress
        self._tick = tick
        self._draining = threading.Event()
        self.restarts = 0

    def drain(self) -> None:
        """Finish the batch under way and end. May be called from a signal handler."""
        self._draining.set()

    def run(self, say: Callable[[str], None]) -> None:
        """Until the source ends or somebody drains.

        Raises:
            Unfinished: not within the grace period.
            InstreamError: what no retry helps, or what was tried `engine.restarts` times without a batch between.
        """
        tries, batches = 0, 0
        while not self._draining.is_set():
            error = self._once()
            if error is None:
                return
            if self._progress.batches > batches:
                tries, batches = 0, self._progress.batches
            if _is_final(error) or tries >= self._engine.restarts:
                raise error
            tries += 1
            self.restarts += 1
            say(f"{self._name}: starting again from the last commit, try {tries} of {self._engine.restarts}: {error}")
            self._draining.wait(self._engine.restart_ms / 1000)

    def _once(self) -> InstreamError | None:
        """One life of the query; why it failed, or None where it ended as it should."""
        self._batches.failure = None
        try:
            query = self._start()
            while not query.awaitTermination(_LOOK_S):
                self._progress.tick(self.restarts)
                self._tick()
                if self._draining.is_set():
                    self._end(query)
                    return None
        except PySparkException as error:
            if self._draining.is_set():
                return None
            return self._batches.failure or error_of(error, self._name)
        except (Py4JNetworkError, ConnectionError) as error:
            raise InstreamError(
                f"{self._name}: Spark's JVM is gone ({error}); what it said is above. If memory was short, engine.options "
                '"spark.driver.memory" gives it more than 1g. The next run goes on from the last commit'
            ) from error
        return None

    def _end(self, query: StreamingQuery) -> None:
        """No further batch; the one under way is finished and committed."""
        self._batches.stop()
        until = time.monotonic() + self._engine.grace_s
        while (under_way := self._batches.under_way) is not None and time.monotonic() < until:
            time.sleep(_LOOK_S / 10)
        if under_way is None:
            self._await_commit(query)
        query.stop()
        if under_way is not None:
            raise Unfinished(
                f"{self._name}: batch {under_way} was not finished within engine.grace_s = {self._engine.grace_s:g}; "
                "it is not committed and comes again in the next run"
            )

    def _await_commit(self, query: StreamingQuery) -> None:
        until = time.monotonic() + _COMMIT_S
        while self._batches.written is not None and query.isActive and time.monotonic() < until:
            last = query.lastProgress
            if last is not None and last.batchId >= self._batches.written:
                return
            time.sleep(_LOOK_S / 10)


def _is_final(error: InstreamError) -> bool:
    """Whether no retry helps. An error of no class of ours may pass, whatever it is."""
    return is_lasting(error) or (exit_of(error) is not None and type(error) is not InstreamError)
