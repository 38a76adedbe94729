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
from instream.keyed.slots import NONE, UNKNOWN, Find, Revisions

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
class _Resolved:
    places: Places
    revisions: Revisions
    levels: npt.NDArray[np.int8]
    unknown: list[Hashable]


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
        distinct, codes = self._cache.columns.distinct(keys)
        if len(distinct) * self._columns > self._cache.slots.count // 2 and len(rows) > _MIN_ROWS:
            return self._in_halves(keys, rows, deadline)  # more keys than could be held at once
        while True:
            with self._cache.slots.reading() as find:
                resolved = self._resolved(find, distinct)
                if not resolved.unknown:
                    return self._scored(resolved, codes, rows)
            self._keeper.want(resolved.unknown, deadline)

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

    def _resolved(self, find: Find, distinct: Sequence[Hashable]) -> _Resolved:
        """Where each key's answer comes from, or what has to be read before that is known."""
        found = find(distinct)
        places, revisions, levels = found.places, found.revisions, np.zeros(len(distinct), np.int8)
        unknown = [distinct[at] for at in np.flatnonzero(places == UNKNOWN).tolist()]
        if unknown and self._columns > 1:  # what may answer instead comes in the same round trip
            instead = list({key[:length]: None for key in unknown for length in range(1, self._columns)})  # type: ignore[index]
            unknown += [key for key, place in zip(instead, find(instead).places, strict=True) if place == UNKNOWN]
        for level in range(1, self._columns):
            without = np.flatnonzero(places == NONE)
            if not len(without):
                break
            shorter = [distinct[at][: self._columns - level] for at in without.tolist()]  # type: ignore[index]
            fewer = find(shorter)
            places[without], revisions[without], levels[without] = fewer.places, fewer.revisions, level
            unknown += {shorter[at]: None for at in np.flatnonzero(fewer.places == UNKNOWN).tolist()}
        without = np.flatnonzero(places == NONE)
        places[without], levels[without] = self._default, DEFAULT
        return _Resolved(places, revisions, levels, unknown)

    def _scored(self, resolved: _Resolved, codes: npt.NDArray[np.int64], rows: Array) -> Scored:
        places = resolved.places[codes]
        revisions, levels, answered = resolved.revisions[codes], resolved.levels[codes], places != NONE
        if answered.all():
            return Scored(self._cache.arena.score(rows, places), answered, revisions, levels)
        some = self._cache.arena.score(rows[answered], places[answered])
        scores = np.full((len(rows), some.shape[1]), np.nan)
        scores[answered] = some
        return Scored(scores, answered, revisions, levels)
