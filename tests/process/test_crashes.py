from __future__ import annotations

from random import Random

import pytest

from instream.process.blackbox import Flight
from instream.process.crashes import CRASHES_MAX, Crashes, same_place
from instream.testing.clocks import MovedClock


def flight(first: int) -> Flight:
    return Flight("delay", 1, (1,), {"in/0": (first, first + 9)})


def test_crashes_over_the_same_records_are_a_loop() -> None:
    crashes = Crashes(MovedClock(), Random(0))
    for _ in range(CRASHES_MAX - 1):
        assert crashes.crashed(flight(40)) is not None
    assert crashes.crashed(flight(40)) is None


def test_crashes_before_any_record_are_a_loop() -> None:
    crashes = Crashes(MovedClock(), Random(0))
    assert [crashes.crashed(Flight()) is None for _ in range(CRASHES_MAX)] == [False] * (CRASHES_MAX - 1) + [True]


def test_a_worker_that_gets_further_is_always_started_again() -> None:
    crashes = Crashes(MovedClock(), Random(0))
    assert all(crashes.crashed(flight(10 * n)) is not None for n in range(50))


def test_a_worker_that_ran_long_begins_anew() -> None:
    clock = MovedClock()
    crashes = Crashes(clock, Random(0))
    for _ in range(50):
        crashes.started()
        clock.move(61)
        assert crashes.crashed(flight(40)) is not None


def test_waits_grow_and_stay_bounded() -> None:
    clock = MovedClock()
    for seed in range(50):
        crashes = Crashes(clock, Random(seed))
        for n in range(CRASHES_MAX - 1):
            start_ns = crashes.crashed(flight(40))
            assert start_ns is not None
            assert 0 <= start_ns - clock.monotonic_ns() <= 0.2 * 2**n * 1e9


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ({}, {"in/0": (1, 2)}, True),
        ({"in/0": (1, 2)}, {}, True),
        ({"in/0": (1, 5)}, {"in/0": (5, 9)}, True),
        ({"in/0": (1, 5)}, {"in/0": (6, 9)}, False),
        ({"in/0": (1, 5)}, {"in/1": (1, 5)}, False),
    ],
)
def test_the_same_place(before: dict[str, tuple[int, int]], now: dict[str, tuple[int, int]], same: bool) -> None:
    assert same_place(before, now) is same
