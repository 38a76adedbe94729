"""How far each assigned partition was read, committed, and is to be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from instream.connectors.protocol import Lag
from instream.records import Partition


class Progress:
    """Of one source; its thread alone uses it.

    Attributes:
        epoch: one more at each change of the assignment, so that a poll sees that there was one inside it.
        base: where each assigned partition was begun, or is committed to as far as we know.
        ends: where to stop, of `until="end"`.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.base: dict[Partition, int] = {}
        self.ends: dict[Partition, int] = {}
        self.assigned = False
        self._began: dict[Partition, int] = {}  # where this run began, for `lag().before`
        self._next: dict[Partition, int] = {}  # of what was given out
        self._at_end: set[Partition] = set()

    def take_over(self, positions: Mapping[Partition, int]) -> None:
        """These partitions are ours, from here."""
        self.base = dict(positions)
        self._began = {**positions, **self._began}
        self.assigned = True

    def start_over(self) -> None:
        """Reading begins again at `base`."""
        self.epoch += 1
        self._next.clear()
        self._at_end.clear()

    def forget(self) -> None:
        """No partition is ours."""
        self.start_over()
        self.base = {}
        self.assigned = False

    def read(self, positions: Mapping[Partition, int]) -> None:
        self._next.update(positions)

    def committed(self, positions: Mapping[Partition, int]) -> None:
        self.base.update({partition: offset for partition, offset in positions.items() if partition in self.base})

    def saw_end(self, partition: Partition, offset: int) -> None:
        """The broker has nothing at this offset yet."""
        if offset >= self.ends.get(partition, 0):
            self._at_end.add(partition)

    def at(self, partition: Partition) -> int | None:
        """The next offset to be read."""
        return self._next.get(partition, self.base.get(partition))

    @property
    def ended(self) -> bool:
        """Every partition that is ours was read to its end."""
        return self.assigned and all(
            partition in self._at_end or self._next.get(partition, start) >= self.ends.get(partition, 0)
            for partition, start in self.base.items()
        )

    def lag(self, watermarks: Callable[[Partition], tuple[int, int]]) -> Lag:
        """`before` counts offsets, gaps included. A high watermark below 0 is not known yet."""
        behind = before = 0
        for partition, start in self.base.items():
            low, high = watermarks(partition)
            if high < 0:
                return Lag(None)
            behind += max(0, high - self._next.get(partition, start))
            before += max(0, self._began.get(partition, start) - max(low, 0))
        return Lag(behind if self.assigned else None, before)
