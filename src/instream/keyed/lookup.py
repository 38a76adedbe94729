"""Slots of many keys at once. A dict is asked key by key, and waits for memory each time; here numpy fetches them side by side."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import numpy.typing as npt

from instream.keyed.words import U64, Layout, Words

_EMPTY, _GONE = -1, -2
_SMALLEST = 1 << 10
_TAG, _SLOT = 32, (1 << 32) - 1  # an entry is the upper half of a key's hash, and its slot

Places = npt.NDArray[np.int64]


class Lookup:
    """Open addressing over the words of keys that have a slot; a lock is the caller's.

    A hash only leads to a slot: its key is compared, word by word. A key without words is not here, nor is one of two keys
    with one hash: whoever does not find a key asks another way.
    """

    def __init__(self, layout: Layout, slots: int) -> None:
        self._layout = layout
        self._words: U64 = np.zeros((layout.width, slots), np.uint64)  # memory is taken when a slot is written
        self._codes: U64 = np.zeros(slots, np.uint64)
        self._make(np.empty(0, np.int64))

    def put(self, key: Hashable, slot: int, before: int = _EMPTY) -> None:
        """A key is in a slot now, and no longer in the one that it had `before`."""
        if (found := self._layout.words_of(key)) is None:
            return
        self._words[:, slot], self._codes[slot] = found
        at = self._at(found[1], before)
        self._used += bool(self._entries[at] == _EMPTY)
        self._entries[at] = _entry(found[1], slot)
        if 4 * self._used > 3 * self._mask:
            self._make(self._entries[self._entries >= 0] & _SLOT)

    def drop(self, key: Hashable, slot: int) -> None:
        """A key leaves a slot."""
        if (found := self._layout.words_of(key)) is not None:
            self._entries[self._at(found[1], slot)] = _GONE

    def find(self, words: Words) -> Places:
        """The slot of each key; negative where it is not found. Shape (n,)."""
        at = (words.codes & np.uint64(self._mask)).view(np.int64)
        tags = (words.codes >> np.uint64(_TAG + 1)).view(np.int64)
        entries = self._entries[at]
        on = np.flatnonzero((entries >> _TAG != tags) & (entries != _EMPTY))
        while len(on):
            at[on] = (at[on] + 1) & self._mask
            entries[on] = self._entries[at[on]]
            on = on[(entries[on] >> _TAG != tags[on]) & (entries[on] != _EMPTY)]
        places = np.where(entries < 0, entries, entries & _SLOT)
        for place, word in words.columns:
            places[self._words[place][places] != word] = _EMPTY  # where nothing was found, the last slot's are compared in vain
        return places

    def _at(self, code: int, slot: int) -> int:
        """Where the entry of a key is that has a slot; without one, where there is room for it."""
        at, entry = code & self._mask, _EMPTY if slot < 0 else _entry(code, slot)
        while self._entries[at] != entry:
            assert entry == _EMPTY or self._entries[at] != _EMPTY, slot
            at = (at + 1) & self._mask
        return at

    def _make(self, slots: npt.NDArray[np.int64]) -> None:
        """Anew, without what is gone, at most half full."""
        self._mask = (1 << max(_SMALLEST, 2 * len(slots)).bit_length()) - 1
        self._used = len(slots)
        self._entries = np.full(self._mask + 1, _EMPTY, np.int64)
        codes = self._codes[slots]
        entries = (codes >> np.uint64(_TAG + 1) << np.uint64(_TAG)).view(np.int64) | slots
        at = (codes & np.uint64(self._mask)).view(np.int64)
        on = np.arange(len(slots))
        while len(on):
            free = on[self._entries[at[on]] == _EMPTY]
            self._entries[at[free]] = entries[free]  # of several for one place, the last stays
            on = on[self._entries[at[on]] != entries[on]]
            at[on] = (at[on] + 1) & self._mask


def _entry(code: int, slot: int) -> int:
    return code >> (_TAG + 1) << _TAG | slot
