"""A read where nodes fail in a way that a real one does not on demand: the session is a fake."""

from __future__ import annotations

import time
from typing import Any

import pytest
from cassandra import InvalidRequest, ReadTimeout

from instream.errors import StoreError
from instream.stores.cassandra_link import Link

CONTENDED = ReadTimeout("Coordinator node timed out", consistency=9, required_responses=1, received_responses=0)


class Failing:
    """Raises so many times before it answers."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left, self.asked = error, times, 0

    def execute(self, *_: object) -> list[int]:
        self.asked += 1
        if self.asked <= self.left:
            raise self.error
        return [7]


def link(session: Any, request_s: float) -> Link:
    return Link(session, "cassandra://somewhere/else", request_s)


def test_a_read_that_others_are_in_the_way_of_goes_on_for_the_time_of_an_answer() -> None:
    """As when twenty promote one model at once: each serial read meets another's Paxos round, time and again."""
    assert link(Failing(CONTENDED, 8), 10.0).read(None) == [7]


def test_and_no_longer() -> None:
    session, began = Failing(CONTENDED, 1_000), time.monotonic()
    with pytest.raises(StoreError, match=r"timed out.*nodetool status"):
        link(session, 0.5).read(None)
    assert session.asked > 2
    assert time.monotonic() - began < 5


def test_one_long_wait_is_not_the_only_one() -> None:
    """A node that died while it was asked: the first answer took all the time, and another node knows."""
    assert link(Failing(CONTENDED, 1), 0.0).read(None) == [7]


def test_what_was_refused_is_not_asked_again() -> None:
    session = Failing(InvalidRequest("no such column"), 1)
    with pytest.raises(StoreError, match="no such column"):
        link(session, 10.0).read(None)
    assert session.asked == 1
