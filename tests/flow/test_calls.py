"""How many calls, how many retries, and when to leave somebody alone."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from instream.flow.breaker import Breaker
from instream.flow.budget import RetryBudget
from instream.flow.limit import AdaptiveLimit
from instream.flow.rows import AdaptiveRows
from instream.testing.clocks import MovedClock


@given(st.integers(1, 64), st.lists(st.booleans(), max_size=200))
def test_a_limit_stays_within_its_bounds(most: int, well: list[bool]) -> None:
    limit = AdaptiveLimit(most)
    for each in well:
        if each:
            limit.went_well(limit.now)
        else:
            limit.went_badly()
        assert 1 <= limit.now <= most


def test_a_limit_grows_where_it_is_used_and_falls_at_a_refusal() -> None:
    limit = AdaptiveLimit(16)
    for _ in range(100):
        limit.went_well(1)
    assert limit.now == 2, "it was not used to the full"
    for _ in range(1_000):
        limit.went_well(limit.now)
    assert limit.now == 16
    limit.went_badly()
    assert limit.now == 11
    for _ in range(50):
        limit.went_badly()
    assert limit.now == 1


def test_rows_become_as_many_as_are_answered_in_time() -> None:
    rows = AdaptiveRows()
    assert rows.of(10_000) == 10_000
    rows.late(10_000)
    rows.late(10_000)
    assert rows.of(10_000) == 5_000, "calls that were under way together count once"
    rows.late(1)
    assert rows.of(10_000) == 1
    rows.answered(1, 0.5)
    assert rows.of(10_000) == 1
    for _ in range(20):
        rows.answered(rows.of(10_000), 0.1)
    assert rows.of(10_000) == 10_000


def test_retries_are_a_fifth_of_the_calls_and_two_a_second() -> None:
    clock = MovedClock()
    budget = RetryBudget(clock)
    while budget.take():
        pass
    for _ in range(52):
        budget.called()
    assert [budget.take() for _ in range(11)] == [True] * 10 + [False]
    clock.move(2)
    assert [budget.take() for _ in range(5)] == [True] * 4 + [False]
    clock.move(1_000)
    assert sum(budget.take() for _ in range(100)) == 20


def test_a_breaker_opens_after_three_failures_and_closes_after_one_answer() -> None:
    clock = MovedClock()
    breaker = Breaker(clock, Random(0))
    breaker.failed("once")
    breaker.succeeded()
    for _ in range(3):
        assert not breaker.open
        breaker.failed("connection refused")
    assert (breaker.open, breaker.reason) == (True, "connection refused")
    assert not breaker.probe_due()
    breaker.probed()
    assert breaker.open, "it is too early for a call to try"
    clock.move(breaker.left_s())
    breaker.probed()
    assert not breaker.open
    assert breaker.half_open
    breaker.failed("still away")
    assert breaker.open
    clock.move(10)
    breaker.probed()
    breaker.succeeded()
    assert (breaker.open, breaker.half_open, breaker.reason) == (False, False, "")
