"""A look at what a pipeline would do: outputs and dead letters are shown, nothing is ever committed."""

from __future__ import annotations

from typing import BinaryIO

from instream.connectors.protocol import Sink
from instream.engines.workers.batch import Scored
from instream.flow.deadline import Deadline


class Trial:
    """Writes outputs to the sink that it is given and dead letters, a line each, to a stream; leaves the source as it was."""

    def __init__(self, sink: Sink, dead_letters: BinaryIO) -> None:
        self._sink = sink
        self._dead_letters = dead_letters

    def write(self, scored: Scored) -> None:
        self._sink.write(scored.batch.records, scored.outcome)
        if scored.letters is not None:
            self._dead_letters.writelines(value + b"\n" for value in scored.letters[1].values if value is not None)
            self._dead_letters.flush()

    @property
    def pending(self) -> bool:
        return False

    def tick(self) -> None:
        """There is nothing to commit."""

    def settle(self, deadline: Deadline) -> bool:
        self._sink.flush(max(0.0, deadline.left_s()))
        return True

    def abandon(self) -> None:
        """There is nothing to take back."""

    def close(self) -> None:
        self._sink.close()
