"""Which key's parameters lie in which slot of an arena. Bounded: least recently used out. A slot that is read is never written."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instream.keyed.lookup import Lookup, Places
from instream.keyed.words import Layout, Words

Revisions = npt.NDArray[np.int64]

UNKNOWN, NONE = -2, -1
"""Instead of a slot: nobody asked the store about this key; the store has nothing for it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a reading found, one for each key that was asked for.

    Attributes:
        places: a slot, `UNKNOWN` or `NONE`.
        revisions: of the parameters in the slot; 0 without one.
    """

    places: Places
    revisions: Revisions


_ABSENT_MIN = 10_000


class Reading:
    """Where keys are, for one who reads their slots; from `Slots.reading`."""

    def __init__(self, slots: Slots, tick: int) -> None:
        self._slots = slots
        self._tick = tick

    def find(self, keys: Sequence[Hashable]) -> Found:
        return self._slots.find(keys, self._tick)

    def own(self, words: Words) -> Found:
        """The slots of a whole batch of keys. Only what is found is known: about any other key, `find` has to be asked."""
        return self._slots.own(words, self._tick)


class Full(Exception):
    """Every slot is being read: the batch that asks has more keys than there are slots."""


class Slots:
    """Thread-safe for readers; one thread takes, puts and says what is absent, in the order in which it asked the store.

    What is written to a slot is written before `put` shows it.
    """

    def __init__(self, count: int, layout: Layout) -> None:
        self.count = count
        self._lock = threading.Lock()
        self._places: dict[Hashable, int] = {}
        self._lookup = Lookup(layout, count)  # of those that have a slot, for whole batches
        self._keys: list[Hashable] = [None] * count
        self._revisions = np.zeros(count, np.int64)
        self._used = np.zeros(count, np.int64)  # by the tick of the last reading
        self._holds = np.zeros(count, np.bool_)  # parameters that are in force
        self._free: deque[int] = deque(range(count))
        self._retired: deque[tuple[int, int]] = deque()  # (tick, slot), the oldest first
        self._tick = 1
        self._reading: set[int] = set()  # the ticks at which readings began that have not ended
        self._absent: deque[Hashable] = deque()  # in the order in which they were found to be absent

    def __len__(self) -> int:
        """Keys that have a slot."""
        return int(self._holds.sum())

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Tells where keys are now; their slots keep what they have as long as the block lasts."""
        with self._lock:
            self._tick += 1
            tick = self._tick
            self._reading.add(tick)
        try:
            yield Reading(self, tick)
        finally:
            with self._lock:
                self._reading.remove(tick)

    def find(self, keys: Sequence[Hashable], tick: int) -> Found:
        """For `Reading`."""
        with self._lock:
            return self._read(np.fromiter((self._places.get(key, UNKNOWN) for key in keys), np.int64, len(keys)), tick)

    def own(self, words: Words, tick: int) -> Found:
        """For `Reading`."""
        with self._lock:
            return self._read(self._lookup.find(words), tick)

    def _read(self, places: Places, tick: int) -> Found:
        """The slots of these places are being read from now on."""
        held = places >= 0
        there = places if held.all() else places[held]
        alone = len(self._reading) == 1
        self._used[there] = tick if alone else np.maximum(self._used[there], tick)  # one that began later may have looked before
        if there is places:
            return Found(places, self._revisions[places])
        revisions = np.zeros(len(places), np.int64)
        revisions[held] = self._revisions[there]
        return Found(places, revisions)

    def take(self, count: int) -> list[int]:
        """Slots to write to, which nobody reads. Raises Full."""
        with self._lock:
            self._reclaim()
            if len(self._free) < count:
                self._evict(count - len(self._free))
            if len(self._free) < count:
                raise Full
            return [self._free.popleft() for _ in range(count)]

    def give_back(self, slots: Iterable[int]) -> None:
        """Slots that were taken and are not used after all."""
        with self._lock:
            self._free.extend(slots)

    def put(self, key: Hashable, slot: int, revision: int) -> None:
        """Show what was written to a slot; an older revision of the key changes nothing. The slot it had is free once unread."""
        with self._lock:
            before = self._places.get(key, UNKNOWN)
            if before >= 0 and self._revisions[before] > revision:
                self._free.append(slot)
                return
            self._places[key] = slot
            self._lookup.put(key, slot, max(before, -1))
            self._keys[slot], self._revisions[slot], self._used[slot], self._holds[slot] = key, revision, self._tick, True
            if before >= 0:
                self._retire(before)

    def absent(self, key: Hashable) -> None:
        """The store has nothing for this key (any more)."""
        with self._lock:
            before = self._places.get(key, UNKNOWN)
            self._places[key] = NONE
            if before >= 0:
                self._lookup.drop(key, before)
                self._retire(before)
            if before != NONE:
                self._absent.append(key)
            while len(self._absent) > max(self.count, _ABSENT_MIN):  # what is not there is bounded as well
                self._forget(self._absent.popleft())

    def forget_absent(self) -> None:
        """Ask the store again about every key that it had nothing for."""
        with self._lock:
            for key in self._absent:
                self._forget(key)
            self._absent.clear()

    def clear(self) -> None:
        """Forget every key. Slots that are read are free once they are not."""
        with self._lock:
            for key, place in self._places.items():
                if place >= 0:
                    self._lookup.drop(key, place)
                    self._retire(place)
            self._places.clear()
            self._absent.clear()

    def known(self, key: Hashable) -> int:
        """The revision of a key; 0 where the store had nothing for it, -1 where nobody asked."""
        with self._lock:
            place = self._places.get(key, UNKNOWN)
            return int(self._revisions[place]) if place >= 0 else (0 if place == NONE else -1)

    def newest_used(self, limit: int) -> list[Hashable]:
        """Keys by their last use, the most recent first."""
        with self._lock:
            held = np.flatnonzero(self._holds)
            order = held[np.argsort(-self._used[held], kind="stable")[:limit]]
            return [self._keys[slot] for slot in order.tolist()]

    def _forget(self, key: Hashable) -> None:
        if self._places.get(key) == NONE:
            del self._places[key]

    def _retire(self, slot: int) -> None:
        self._holds[slot] = False
        self._keys[slot] = None
        self._retired.append((self._tick, slot))

    def _reclaim(self) -> None:
        oldest = self._oldest_reading()
        while self._retired and self._retired[0][0] < oldest:
            self._free.append(self._retired.popleft()[1])

    def _evict(self, count: int) -> None:
        """At least `count`, where there are so many that nobody reads; a sixteenth at once, as each look costs all slots."""
        candidates = np.flatnonzero(self._holds & (self._used < self._oldest_reading()))
        wanted = min(len(candidates), max(count, self.count // 16))
        if not wanted:
            return
        chosen = candidates[np.argpartition(self._used[candidates], wanted - 1)[:wanted]]
        for slot in chosen.tolist():
            del self._places[key := self._keys[slot]]
            self._lookup.drop(key, slot)
            self._holds[slot] = False
            self._keys[slot] = None
            self._free.append(slot)

    def _oldest_reading(self) -> int:
        return min(self._reading, default=self._tick + 1)
