"""For readers of an output topic: each record once, though a batch that was tried again is there twice.

Spark's sink writes at least once. What is written again is one micro-batch at most, record for record: the same keys, values
and source ids, in the same partition of the output. So a reader needs to know, for each partition that it reads and each that
a record came from, which of the newest offsets it has seen. To remember the highest one only would not do: where a write
failed in the middle, records of the first try can be there without some before them, which then come only by the second.
"""

from __future__ import annotations

WINDOW = 400_000
"""Offsets, as the default of `engine.batch_records`; it must not be smaller than that setting was."""


class Once:
    """Tells new records from repeated ones, in bounded memory: a bit an offset of the window, for each pair of partitions.

    What it knows is gone with it: a reader that starts again reads `window` records a partition back and hands them over
    first, or keeps `instream-source` with what it writes.

    >>> once = Once(window=10)
    >>> [once.is_new(0, b"flights/3/41"), once.is_new(0, b"flights/3/41"), once.is_new(0, b"flights/3/42")]
    [True, False, True]
    """

    def __init__(self, window: int = WINDOW) -> None:
        """Begin.

        Args:
            window: `engine.batch_records` of the pipeline, or more.
        """
        self._window = window
        self._seen: dict[tuple[int, bytes], _Seen] = {}  # bounded by the partitions of both topics

    def is_new(self, partition: int, source: bytes) -> bool:
        """Take note of a record; False where it was there before.

        Args:
            partition: of the output topic, where it was read.
            source: the value of its header `instream-source`, `topic/partition/offset`.
        Raises:
            ValueError: `source` is no such text.
        """
        whence, _, offset = source.rpartition(b"/")
        if not whence:
            raise ValueError(f"{source!r}: expected topic/partition/offset; is output.source_id set?")
        seen = self._seen.get((partition, whence))
        if seen is None:
            seen = self._seen[partition, whence] = _Seen(self._window)
        return seen.add(int(offset))


class _Seen:
    """Which of the newest offsets were seen: a ring of flags below the highest."""

    def __init__(self, window: int) -> None:
        self._flags = bytearray(window)
        self._window = window
        self._highest = -1

    def add(self, offset: int) -> bool:
        if offset > self._highest:
            self._forget(self._highest + 1, offset)
            self._highest = offset
        elif offset <= self._highest - self._window:
            return False  # before the batch that could be repeated: read twice by the reader itself
        place = offset % self._window
        known = self._flags[place]
        self._flags[place] = 1
        return not known

    def _forget(self, start: int, end: int) -> None:
        """The places of offsets that have not come: those of start to end, both included."""
        if end - start + 1 >= self._window:
            self._flags = bytearray(self._window)
            return
        for offset in range(start, end + 1):
            self._flags[offset % self._window] = 0
