"""Slots: bounded, and what a batch reads is never overwritten."""

import threading
from random import Random

import numpy as np
import pytest

from instream.keyed.slots import NONE, UNKNOWN, Full, Slots
from instream.keyed.words import Layout

LAYOUT = Layout([str])


def filled(slots: Slots, *keys: str, revision: int = 1) -> None:
    for key, slot in zip(keys, slots.take(len(keys)), strict=True):
        slots.put(key, slot, revision)


def places(slots: Slots, *keys: str) -> list[int]:
    with slots.reading() as reading:
        return [int(place) for place in reading.find(keys).places]


def test_what_is_known() -> None:
    slots = Slots(4, LAYOUT)
    filled(slots, "a", "b")
    slots.absent("c")
    assert places(slots, "b", "a", "c", "d") == [1, 0, NONE, UNKNOWN]
    assert [slots.known(key) for key in "abcd"] == [1, 1, 0, -1]
    slots.forget_absent()
    assert places(slots, "c") == [UNKNOWN]


def test_the_least_recently_used_goes() -> None:
    slots = Slots(3, LAYOUT)
    filled(slots, "a", "b", "c")
    places(slots, "a")
    places(slots, "c")
    filled(slots, "d")
    assert places(slots, "b") == [UNKNOWN]
    assert slots.newest_used(2) == ["d", "c"] or slots.newest_used(2) == ["c", "d"]
    assert len(slots) == 3


def test_a_slot_that_is_read_is_not_given_away() -> None:
    """Law 4: neither by eviction nor by an update."""
    slots = Slots(2, LAYOUT)
    filled(slots, "a", "b")
    with slots.reading() as reading:
        found = reading.find(["a"])
        filled(slots, "a", revision=2)  # evicts b, which nobody reads
        assert slots.known("a") == 2
        assert places(slots, "b") == [UNKNOWN]
        assert int(found.places[0]) == 0
        with pytest.raises(Full):
            slots.take(2)  # a's old slot is read; its new one was shown to nobody and may go
    assert len(slots.take(2)) == 2


def test_an_older_revision_changes_nothing() -> None:
    slots = Slots(3, LAYOUT)
    filled(slots, "a", revision=5)
    filled(slots, "a", revision=4)
    assert slots.known("a") == 5
    assert len(slots.take(2)) == 2


def test_what_is_absent_is_bounded() -> None:
    slots = Slots(2, LAYOUT)
    for each in range(20_000):
        slots.absent(f"{each}")
    assert slots.known("0") == -1
    assert slots.known("19999") == 0


def test_a_later_reader_keeps_what_an_earlier_one_read_after_it() -> None:
    """Law 4: the earlier one began first, looked last, and is gone; the slot is still the later one's."""
    slots = Slots(1, LAYOUT)
    filled(slots, "a", revision=1)
    earlier, later = slots.reading(), slots.reading()
    reading_first, reading = earlier.__enter__(), later.__enter__()
    reading.find(["a"])
    reading_first.find(["a"])
    earlier.__exit__(None, None, None)
    with pytest.raises(Full):
        slots.take(1)
    later.__exit__(None, None, None)
    assert slots.take(1) == [0]


def test_updates_evictions_and_readers_at_once() -> None:
    """Law 4: values that are tied together stay so for as long as a reader looks."""
    slots, values, done = Slots(12, LAYOUT), np.zeros((12, 2)), threading.Event()
    keys = [f"{each}" for each in range(10)]
    torn: list[object] = []

    def write() -> None:
        random = Random(7)
        for revision in range(1, 4_000):
            try:
                slot = slots.take(1)[0]
            except Full:
                continue
            values[slot, 0] = revision
            values[slot, 1] = revision
            slots.put(random.choice(keys), slot, revision)
        done.set()

    def read() -> None:
        random = Random(8)
        while not done.is_set():
            with slots.reading() as reading:
                found = reading.find(random.sample(keys, 4))
                there = found.places >= 0
                first = values[found.places[there], 0].copy()
                second = values[found.places[there], 1].copy()
                if not (np.array_equal(first, second) and np.array_equal(first, found.revisions[there])):
                    torn.append((found, first, second))

    threads = [threading.Thread(target=target) for target in (write, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert torn == []
    assert len(slots) <= 12
