"""Parameters as they were at a moment, so that what is scored twice is scored alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from instream.keyed.cache import Revised
from instream.keyed.keeper import Fed, Moved

_KEPT = 100
"""Revisions of a key that stores keep. One that got more since then has nothing left from before."""


@dataclass(frozen=True, slots=True)
class _Moved:
    cursor: str
    keys: Sequence[str]
    reset: bool
    more: bool


class AsOf:
    """Satisfies keeper.Fed: what a source had at `revision`, for the thread that keeps a cache; at 0 it has nothing yet."""

    def __init__(self, source: Fed) -> None:
        self._source = source
        self._later: dict[str, None] = {}  # keys read that had newer parameters; bounded by those that changed within a step
        self.revision = 0

    @property
    def poll_s(self) -> float:
        return self._source.poll_s

    def now_us(self) -> int:
        return self._source.now_us()

    def mark(self) -> object:
        return self._source.mark()

    def cursor(self) -> str:
        return self._source.cursor()

    def read(self, texts: Sequence[str]) -> Mapping[str, Revised]:
        """Keys whose every kept revision is newer are left out, as if they had none."""
        found = dict(self._source.read(texts))
        for text in [text for text, newest in found.items() if newest.revision > self.revision]:
            self._later[text] = None
            earlier = self.history(text, 1)
            if earlier:
                found[text] = earlier[0]
            else:
                del found[text]
        return found

    def history(self, text: str, limit: int) -> Sequence[Revised]:
        return [each for each in self._source.history(text, _KEPT) if each.revision <= self.revision][:limit]

    def changes(self, since: str) -> Moved:
        """Also those that were newer than an earlier `revision`."""
        moved = self._source.changes(since)
        later, self._later = self._later, {}
        return _Moved(moved.cursor, [*moved.keys, *later], moved.reset, moved.more)
