"""Slots of many keys at once. A dict is asked key by key, and waits for memory each time; here numpy fetches them side by side."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import numpy.typing as npt

from instream.keyed.words import U64, Layout, Words

_EMPTY, _GONE = -1, -2
_SMALLEST = 1 << 10

Places = npt.NDArray[np.int64]


class Lookup:
    """Open addressing over the words of keys that have a slot; a lock is the caller's.

    A hash only leads to a slot: its key is compared, word by word. A key without words is not here, nor is one of two keys
    with one hash: whoever does not find a key asks another way.
    """

    def __init__(self, layout: Layout, slots: int) -> None:
        self._layout = layout
        self._words: U64 = np.zeros((layout.width, slots), np.uint64)  # memory is taken when a slot is written
        self._codes: U64
        self._make(np.empty(0, np.uint64), np.empty(0, np.int32))

    def put(self, key: Hashable, slot: int, before: int = _EMPTY) -> None:
        """A key is in a slot now, and no longer in the one that it had `before`."""
        if (found := self._layout.words_of(key)) is None:
            return
        words, code = found
        self._words[:, slot] = words
        at = code & self._mask
        while self._places[at] not in (_EMPTY, before):
            at = (at + 1) & self._mask
        self._used += bool(self._places[at] == _EMPTY)
        self._codes[at], self._places[at] = code, slot
        if 2 * self._used > self._mask:
            held = self._places >= 0
            self._make(self._codes[held], self._places[held])

    def drop(self, key: Hashable, slot: int) -> None:
        """A key leaves a slot."""
        if (found := self._layout.words_of(key)) is None:
            return
        at = found[1] & self._mask
        while self._places[at] != slot:
            assert self._places[at] != _EMPTY, key
            at = (at + 1) & self._mask
        self._places[at] = _GONE

    def find(self, words: Words) -> Places:
        """The slot of each key; negative where it is not found. Shape (n,)."""
        at = (words.codes & np.uint64(self._mask)).astype(np.intp)
        found = self._places[at]
        on = np.flatnonzero(((self._codes[at] != words.codes) | (found == _GONE)) & (found != _EMPTY))
        while len(on):
            at[on] = (at[on] + 1) & self._mask
            found[on] = self._places[at[on]]
            on = on[((self._codes[at[on]] != words.codes[on]) | (found[on] == _GONE)) & (found[on] != _EMPTY)]
        places: Places = found.astype(np.int64)
        for place, word in words.columns:
            places[self._words[place][places] != word] = _EMPTY  # where nothing was found, the last slot's are compared in vain
        return places

    def _make(self, codes: U64, slots: npt.NDArray[np.int32]) -> None:
        """Anew, without what is gone, at most a quarter full."""
        self._mask = (1 << max(_SMALLEST, 4 * len(slots)).bit_length()) - 1
        self._used = len(slots)
        self._codes, self._places = np.zeros(self._mask + 1, np.uint64), np.full(self._mask + 1, _EMPTY, np.int32)
        at = (codes & np.uint64(self._mask)).astype(np.intp)
        on = np.arange(len(slots))
        while len(on):
            free = on[self._places[at[on]] == _EMPTY]
            self._places[at[free]] = slots[free]  # of several for one place, the last stays
            on = on[self._places[at[on]] != slots[on]]
            at[on] = (at[on] + 1) & self._mask
        self._codes[at] = codes
