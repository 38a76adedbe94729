"""Which key's parameters lie in which slot of an arena. Bounded: least recently used out. A slot that is read is never written."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instream.keyed.lookup import Lookup, Places

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


Find = Callable[[Sequence[Hashable]], Found]


_ABSENT_MIN = 10_000


class Full(Exception):
    """Every slot is being read: the batch that asks has more keys than there are slots."""


class Slots:
    """Thread-safe for readers; one thread takes, puts and says what is absent, in the order in which it asked the store.

    What is written to a slot is written before `put` shows it.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._lock = threading.Lock()
        self._places: dict[Hashable, int] = {}
        self._lookup = Lookup(self._places, UNKNOWN)  # the same for whole batches
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
    def reading(self) -> Iterator[Find]:
        """Gives a function that tells where keys are now; their slots keep what they have as long as the block lasts."""
        with self._lock:
            self._tick += 1
            tick = self._tick
            self._reading.add(tick)
        try:
            yield lambda keys: self._find(keys, tick)
        finally:
            with self._lock:
                self._reading.remove(tick)

    def _find(self, keys: Sequence[Hashable], tick: int) -> Found:
        with self._lock:
            places = self._lookup.find(keys)
            there = places[places >= 0]
            self._used[there] = np.maximum(self._used[there], tick)  # a reading that began later may have looked before
            revisions = np.zeros(len(keys), np.int64)
            revisions[places >= 0] = self._revisions[there]
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
            self._place(key, slot)
            self._keys[slot], self._revisions[slot], self._used[slot], self._holds[slot] = key, revision, self._tick, True
            if before >= 0:
                self._retire(before)

    def absent(self, key: Hashable) -> None:
        """The store has nothing for this key (any more)."""
        with self._lock:
            before = self._places.get(key, UNKNOWN)
            self._place(key, NONE)
            if before >= 0:
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
            for key, place in list(self._places.items()):
                self._leave(key)
                if place >= 0:
                    self._retire(place)
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
            self._leave(key)

    def _place(self, key: Hashable, place: int) -> None:
        self._places[key] = place
        self._lookup.put(key, place)

    def _leave(self, key: Hashable) -> None:
        del self._places[key]
        self._lookup.put(key, UNKNOWN)

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
            self._leave(self._keys[slot])
            self._holds[slot] = False
            self._keys[slot] = None
            self._free.append(slot)

    def _oldest_reading(self) -> int:
        return min(self._reading, default=self._tick + 1)
