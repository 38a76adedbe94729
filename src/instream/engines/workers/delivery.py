"""When written records count as done: what each delivery mode answers to."""

from __future__ import annotations

from typing import Protocol

from instream.engines.workers.batch import Scored
from instream.flow.deadline import Deadline


class Delivery(Protocol):
    """The loop's thread calls it, with scored batches in the order of the source."""

    def write(self, scored: Scored) -> None:
        """Give outputs and dead letters to the sinks. Raises SinkFailed, TransactionAborted."""
        ...

    def tick(self) -> None:
        """Called once a turn: commit when it is time. Raises SinkFailed, SourceFailed, TransactionAborted."""
        ...

    @property
    def pending(self) -> bool:
        """Something is written and not yet committed."""
        ...

    def settle(self, deadline: Deadline) -> bool:
        """Make durable and commit what is written; False when the deadline came first, and then a part may be committed."""
        ...

    def abandon(self) -> None:
        """What is written and not committed will come again."""
        ...

    def close(self) -> None: ...
