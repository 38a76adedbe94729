"""Rows of mixed keys, each scored by the parameters of its own key, or of fewer of its columns, or by the default."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from instream.flow.deadline import Deadline
from instream.keyed.cache import Cache
from instream.keyed.keeper import Keeper
from instream.keyed.link import Array
from instream.keyed.lookup import Places
from instream.keyed.slots import NONE, UNKNOWN, Reading, Revisions
from instream.keyed.words import Words

OWN, DEFAULT = 0, -1
"""Levels: parameters of the row's own key; of k columns fewer is k; of the default model."""

_MIN_ROWS = 1


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of each row.

    Attributes:
        scores: shape (n, width); NaN where nothing answers for the key.
        answered: shape (n,), whether something did.
        revisions: of the parameters; 0 for the default model.
        levels: `OWN`, columns dropped, or `DEFAULT`.
    """

    scores: Array
    answered: npt.NDArray[np.bool_]
    revisions: Revisions
    levels: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class _Places:
    """A slot, its revision and its level, for each row or key; the slot of the default, or `NONE`, where no parameters are its own."""

    slots: Places
    revisions: Revisions
    levels: npt.NDArray[np.int8]


class Scorer:
    """Thread-safe. All rows of a key in one call are scored by one revision, unless they have more keys than half the slots."""

    def __init__(self, cache: Cache, keeper: Keeper, columns: int, *, default: bool) -> None:
        """`columns`: of a full key. `default`: whether the cache has a model for keys without parameters."""
        self._cache = cache
        self._keeper = keeper
        self._columns = columns
        self._default = cache.default if default else NONE

    def score(self, keys: Sequence[pa.Array], rows: Array, deadline: Deadline | None) -> Scored:
        """Score rows of shape (n, features), whose key columns are `keys`.

        Raises:
            Unavailable: parameters that are not here cannot be read now; nothing is settled.
            Closed: while waiting for them.
        """
        if self._are_too_many(keys, len(rows)):
            return self._in_halves(keys, rows, deadline)  # more keys than could be held at once
        words = self._cache.columns.layout.words(keys)
        while True:
            with self._cache.slots.reading() as reading:
                places, unknown = self._places(reading, keys, words)
                if not unknown:
                    return self._scored(places, rows)
            self._keeper.want(unknown, deadline)

    def _are_too_many(self, keys: Sequence[pa.Array], rows: int) -> bool:
        most = self._cache.slots.count // 2
        if rows * self._columns <= most or rows <= _MIN_ROWS:
            return False
        return len(self._cache.columns.distinct(keys)[0]) * self._columns > most

    def _in_halves(self, keys: Sequence[pa.Array], rows: Array, deadline: Deadline | None) -> Scored:
        middle = len(rows) // 2
        first = self.score([each.slice(0, middle) for each in keys], rows[:middle], deadline)
        second = self.score([each.slice(middle) for each in keys], rows[middle:], deadline)
        return Scored(
            np.concatenate([first.scores, second.scores]),
            np.concatenate([first.answered, second.answered]),
            np.concatenate([first.revisions, second.revisions]),
            np.concatenate([first.levels, second.levels]),
        )

    def _places(self, reading: Reading, keys: Sequence[pa.Array], words: Words) -> tuple[_Places, list[Hashable]]:
        """Where each row's answer comes from, and keys that have to be read before that is known."""
        count = len(keys[0])
        found = reading.own(words)
        levels = np.full(count, OWN, np.int8)
        rest = np.flatnonzero(found.places < 0)
        if not len(rest):
            return _Places(found.places, found.revisions, levels), []
        columns = keys if len(rest) == count else [each.take(pa.array(rest)) for each in keys]
        distinct, codes = self._cache.columns.distinct(columns)
        others, unknown = self._resolved(reading, distinct)
        found.places[rest], found.revisions[rest], levels[rest] = others.slots[codes], others.revisions[codes], others.levels[codes]
        return _Places(found.places, found.revisions, levels), unknown

    def _resolved(self, reading: Reading, distinct: Sequence[Hashable]) -> tuple[_Places, list[Hashable]]:
        """The same for keys, each asked for by itself: here there may also be some without parameters of their own."""
        found = reading.find(distinct)
        places, revisions, levels = found.places, found.revisions, np.full(len(distinct), OWN, np.int8)
        unknown = [distinct[at] for at in np.flatnonzero(places == UNKNOWN).tolist()]
        if unknown and self._columns > 1:  # what may answer instead comes in the same round trip
            instead = list({key[:length]: None for key in unknown for length in range(1, self._columns)})  # type: ignore[index]
            unknown += [key for key, place in zip(instead, reading.find(instead).places, strict=True) if place == UNKNOWN]
        for level in range(1, self._columns):
            without = np.flatnonzero(places == NONE)
            if not len(without):
                break
            shorter = [distinct[at][: self._columns - level] for at in without.tolist()]  # type: ignore[index]
            fewer = reading.find(shorter)
            places[without], revisions[without], levels[without] = fewer.places, fewer.revisions, level
            unknown += {shorter[at]: None for at in np.flatnonzero(fewer.places == UNKNOWN).tolist()}
        without = np.flatnonzero(places == NONE)
        places[without], levels[without] = self._default, DEFAULT
        return _Places(places, revisions, levels), unknown

    def _scored(self, places: _Places, rows: Array) -> Scored:
        answered = places.slots != NONE
        if answered.all():
            return Scored(self._cache.arena.score(rows, places.slots), answered, places.revisions, places.levels)
        some = self._cache.arena.score(rows[answered], places.slots[answered])
        scores = np.full((len(rows), some.shape[1]), np.nan)
        scores[answered] = some
        return Scored(scores, answered, places.revisions, places.levels)
