"""What every scenario must end with."""

from __future__ import annotations

import os

from instream.testing.faults.pipeline import Mode
from instream.testing.faults.scenarios import RATE, Outcome

LEAST = 50 * RATE


def seeds() -> list[int]:
    """One; more with INSTREAM_SEEDS, as `make soak` sets it."""
    return [7 + n for n in range(int(os.environ.get("INSTREAM_SEEDS", "1")))]


def judge(outcome: Outcome, mode: Mode, least: int = LEAST) -> None:
    """Law 9, and what exactly_once promises."""
    print(outcome.ledger)
    ledger = outcome.ledger
    assert ledger.records >= least
    assert not ledger.lost
    assert not ledger.strangers
    assert ledger.uncommitted == 0
    assert ledger.dead_letters > 0
    if mode == "exactly_once":
        assert not ledger.repeated
    assert set(outcome.exits) == {0}, outcome.log
