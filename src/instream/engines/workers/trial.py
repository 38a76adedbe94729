"""A look at what a pipeline would do: outputs and dead letters are shown, nothing is ever committed."""

from __future__ import annotations

from instream.connectors.protocol import Sink
from instream.engines.workers.batch import Scored
from instream.flow.deadline import Deadline


class Trial:
    """Writes to the two sinks that it is given, standard output and standard error, and leaves the source as it was."""

    def __init__(self, sink: Sink, dead_letters: Sink) -> None:
        self._sink = sink
        self._dead_letters = dead_letters

    def write(self, scored: Scored) -> None:
        self._sink.write(scored.batch.records, scored.outcome)
        if scored.letters is not None:
            self._dead_letters.write(*scored.letters)

    @property
    def pending(self) -> bool:
        return False

    def tick(self) -> None:
        """There is nothing to commit."""

    def settle(self, deadline: Deadline) -> bool:
        for sink in (self._sink, self._dead_letters):
            sink.flush(max(0.0, deadline.left_s()))
        return True

    def abandon(self) -> None:
        """There is nothing to take back."""

    def close(self) -> None:
        self._sink.close()
        self._dead_letters.close()
