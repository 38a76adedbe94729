"""Places of many keys at once. A dict is asked key by key, and waits for memory each time; here numpy fetches them side by side."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_EMPTY = np.iinfo(np.int32).min
_SMALLEST = 1 << 10

Places = npt.NDArray[np.intp]


class Lookup:
    """What a dict of key and place says, in open addressing. Whoever changes the dict says so here; a lock is the caller's.

    Hashes only lead to an entry: its key is compared, and where it is another (a collision), the dict is asked.
    """

    def __init__(self, places: Mapping[Hashable, int], unknown: int) -> None:
        """`unknown`: the place of keys that the dict does not have."""
        self._known = places
        self._unknown = unknown
        self._make(_SMALLEST)

    def put(self, key: Hashable, place: int) -> None:
        """A key is at another place now; `unknown` once it left the dict."""
        code = hash(key)
        at = code & self._mask
        while self._places[at] != _EMPTY and not (self._codes[at] == code and self._keys[at] == key):
            at = (at + 1) & self._mask
        self._used += bool(self._places[at] == _EMPTY)
        self._codes[at], self._keys[at], self._places[at] = code, key, place
        if 2 * self._used > self._mask:
            self._make(3 * len(self._known))

    def find(self, keys: Sequence[Hashable]) -> Places:
        """Shape (n,)."""
        codes = np.fromiter(map(hash, keys), np.int64, len(keys))
        at = codes & self._mask
        found = self._places[at]
        on = np.flatnonzero((self._codes[at] != codes) & (found != _EMPTY))
        while len(on):
            at[on] = (at[on] + 1) & self._mask
            found[on] = self._places[at[on]]
            on = on[(self._codes[at[on]] != codes[on]) & (found[on] != _EMPTY)]
        places: Places = found.astype(np.intp)
        places[found == _EMPTY] = self._unknown
        asked: npt.NDArray[Any] = np.fromiter(keys, object, len(keys))
        for row in np.flatnonzero((self._keys[at] != asked) & (found != _EMPTY)).tolist():
            places[row] = self._known.get(keys[row], self._unknown)
        return places

    def _make(self, size: int) -> None:
        """Anew, without the keys that are gone, at most half full."""
        size = 1 << max(_SMALLEST, size).bit_length()
        self._mask = size - 1
        self._used = 0
        self._codes = np.zeros(size, np.int64)
        self._places = np.full(size, _EMPTY, np.int32)
        self._keys: npt.NDArray[Any] = np.empty(size, object)
        for key, place in self._known.items():
            self.put(key, place)
