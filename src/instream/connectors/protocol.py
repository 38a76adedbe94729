"""Where records come from and where they go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from instream.records import Outcome, Partition, Records


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a source is behind.

    Attributes:
        behind: records between the position and the end; None when the source cannot know.
        before: records that exist before the position where this run began: what `--from earliest` would add.
    """

    behind: int | None
    before: int = 0


class Source(Protocol):
    """One thread calls it. Rebalances are served, and listeners called, inside `poll`."""

    def poll(self, rows: int, nbytes: int, timeout_s: float) -> Records | None:
        """At most so many rows and about so many bytes; None after `timeout_s` without one, or while held.

        Raises:
            SourceFailed: it cannot go on.
        """
        ...

    def hold(self) -> None:
        """Stop fetching, stay a member: `poll` goes on being called and gives None."""
        ...

    def release(self) -> None: ...

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Make positions durable before returning. Raises SourceFailed."""
        ...

    def rewind(self) -> None:
        """Go back to the last committed positions; what was polled after them comes again."""
        ...

    def listen(self, revoked: Callable[[], None], lost: Callable[[], None]) -> None:
        """`revoked` runs while the partitions are still ours (commit what is written);
        `lost` when they are no longer (abort). After either, drop whatever was polled before."""
        ...

    @property
    def ended(self) -> bool:
        """Nothing more will ever come: end of file, or of `--until end`."""
        ...

    def lag(self) -> Lag: ...
    def close(self) -> None: ...


class Sink(Protocol):
    """Takes outcomes in order."""

    def write(self, records: Records, outcome: Outcome) -> int:
        """Write the values that are not None; a ticket. Blocks at its byte limit. Raises SinkFailed."""
        ...

    def durable(self) -> int:
        """Every ticket up to this one is durable. Raises SinkFailed."""
        ...

    def flush(self, timeout_s: float) -> int:
        """Wait until all tickets are durable or the time is over; what `durable` then says."""
        ...

    def close(self) -> None:
        """Nothing follows. Files get their final name."""
        ...


class Transactional(Sink, Protocol):
    """A sink that makes outputs and source positions durable in one step."""

    def begin(self) -> None: ...
    def commit(self, source: Source, positions: Mapping[Partition, int]) -> None: ...
    def abort(self) -> None: ...
