"""What the loop does at a rebalance, at an aborted transaction and while it is held back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instream.engines.workers.judge import JUDGED_AFTER, Judge
from instream.engines.workers.loop import Ended
from instream.errors import SinkFailed, TooManyDeadLetters
from instream.failures import Code, Failures, failures_of
from instream.testing.arithmetic import Doubling, slowly
from instream.testing.engines import expected, lost
from instream.testing.rigs import PACE, MemoryRig, TransactionsRig

NUMBERS: list[bytes | None] = [b"%d" % n for n in range(1, 301)]


def test_a_slow_batch_holds_the_source_once_and_goes_on_polling() -> None:
    rig = MemoryRig()
    rig.feed(NUMBERS[:40])
    doubling = Doubling()
    doubling.before = slowly(0.4)
    loop = rig.loop(doubling, pace=replace(PACE, rows=10, hold_s=0.05))
    loop.run()
    loop.close()
    assert 1 <= rig.source.holds <= 4  # at most once a batch
    assert rig.source.polls >= 8
    assert dict(rig.outputs()) == expected(rig)


def test_short_waits_never_hold() -> None:
    rig = MemoryRig()
    rig.feed(NUMBERS)
    doubling = Doubling()
    doubling.before = slowly(0.01)
    rig.loop(doubling, pace=replace(PACE, rows=20, hold_s=5)).run()
    assert rig.source.holds == 0


def test_revoked_partitions_are_committed_up_to_what_is_written() -> None:
    rig = MemoryRig()
    rig.feed(NUMBERS)
    loop = rig.loop(Doubling(), pace=replace(PACE, rows=10))
    rig.source.at_poll += [lambda: None] * 9 + [rig.source.revoke]
    loop.run()
    assert not lost(rig)
    ids = [key for key, _ in rig.outputs()]
    assert len(ids) == len(set(ids)) == 300  # what was in flight was not written, so nothing is repeated


def test_lost_partitions_repeat_and_lose_nothing() -> None:
    rig = MemoryRig()
    rig.feed(NUMBERS)
    rig.sink.lag = 4
    loop = rig.loop(Doubling(), pace=replace(PACE, rows=10))
    rig.source.at_poll += [lambda: None] * 9 + [rig.source.lose]
    loop.run()
    assert not lost(rig)
    assert dict(rig.outputs()) == expected(rig)
    assert sum(rig.committed().values()) == 300


@pytest.mark.parametrize("event", ["revoke", "lose"])
def test_a_rebalance_under_transactions_shows_nothing_twice(event: str) -> None:
    rig = TransactionsRig()
    rig.feed(NUMBERS)
    loop = rig.loop(Doubling(), pace=replace(PACE, rows=10, calls=2))
    rig.source.at_poll += [lambda: None] * 9 + [getattr(rig.source, event)]
    loop.run()
    ids = [key for key, _ in rig.outputs()]
    assert len(ids) == len(set(ids)) == 300


def test_an_aborted_transaction_is_tried_again() -> None:
    rig = TransactionsRig()
    rig.feed(NUMBERS)
    loop = rig.loop(Doubling(), pace=replace(PACE, rows=10))
    rig.transactions.aborts_wanted = 3
    assert loop.run() is Ended.SOURCE
    ids = [key for key, _ in rig.outputs()]
    assert rig.transactions.aborted == 3
    assert len(ids) == len(set(ids)) == 300


def test_aborts_without_end_are_an_error() -> None:
    rig = TransactionsRig()
    rig.feed(NUMBERS)
    loop = rig.loop(Doubling())
    rig.transactions.aborts_wanted = 1_000
    with pytest.raises(SinkFailed, match="11 transactions were given up one after another; the last: told to abort"):
        loop.run()
    assert not rig.outputs()


def test_a_sink_that_fails_commits_nothing_more() -> None:
    rig = MemoryRig()
    rig.feed(NUMBERS)
    loop = rig.loop(Doubling(), pace=replace(PACE, rows=10))
    rig.sink.failing = True
    with pytest.raises(SinkFailed):
        loop.run()
    assert sum(rig.committed().values()) == 0


def test_a_grace_period_that_is_over_is_said() -> None:
    rig = MemoryRig()
    rig.feed(NUMBERS)
    rig.sink.stuck = True
    loop = rig.loop(Doubling(), pace=replace(PACE, grace_s=0.05))
    with pytest.raises(SinkFailed, match=r"not acknowledged within engine\.grace_s.*come again"):
        loop.run()
    assert sum(rig.committed().values()) == 0


def test_a_limit_takes_so_many_records_and_no_more() -> None:
    rig = MemoryRig()
    rig.feed(NUMBERS)
    loop = rig.loop(Doubling(), pace=replace(PACE, rows=30, calls=2, limit=70))
    assert loop.run() is Ended.LIMIT
    loop.close()
    assert len(rig.outputs()) == sum(rig.committed().values()) == 70


def test_the_judge_looks_at_the_newest_ten_thousand() -> None:
    judge = Judge(0.1)
    clean = failures_of(())
    judge.count(999, clean_but(99))
    for _ in range(20):
        judge.count(1_000, clean)
    judge.count(1_000, clean_but(1_000))
    with pytest.raises(TooManyDeadLetters, match="1,001 of the last 10,000 records"):
        judge.count(1, clean_but(1))


def test_the_judge_waits_for_a_thousand() -> None:
    judge = Judge(0.0)
    judge.count(JUDGED_AFTER - 1, clean_but(JUDGED_AFTER - 1))
    with pytest.raises(TooManyDeadLetters, match="1,000 of the last 1,000"):
        judge.count(1, clean_but(1))


def clean_but(bad: int) -> Failures:
    return failures_of((row, Code.NOT_JSON, "no") for row in range(bad))
