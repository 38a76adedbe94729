"""The laws of an engine fail on engines that are broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from instream.engines.workers.at_least_once import AtLeastOnce
from instream.engines.workers.batch import Scored
from instream.engines.workers.judge import Judge
from instream.engines.workers.loop import Loop
from instream.engines.workers.pace import Pace
from instream.engines.workers.scoring import Process
from instream.testing import rigs
from instream.testing.engines import EngineLaws
from instream.testing.rigs import PACE, MemoryRig


class CommitsFirst(AtLeastOnce):
    """Commits what is written and not yet durable."""

    def write(self, scored: Scored) -> None:
        super().write(scored)
        self._source.commit(scored.batch.records.positions)

    def tick(self) -> None:
        """Not the commit of what is durable, which would take the other one back."""


class ForgetsLetters(AtLeastOnce):
    """Drops dead letters."""

    def write(self, scored: Scored) -> None:
        super().write(Scored(scored.batch, scored.outcome, None))


class WritesTwice(AtLeastOnce):
    """Writes each batch twice."""

    def write(self, scored: Scored) -> None:
        super().write(scored)
        super().write(scored)


class NeverSettles(AtLeastOnce):
    """Ends without the last commit."""

    def settle(self, deadline: Any) -> bool:
        return True


class ForgivingRig(MemoryRig):
    """A loop without a judge of dead letters, though there is a place for them."""

    def loop(self, pipeline: Process, *, pace: Pace = PACE, judge: Judge | None = None) -> Loop:
        return super().loop(pipeline, pace=pace, judge=judge and Judge(1.0))


Law = Callable[[EngineLaws, MemoryRig], None]


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (CommitsFirst, lambda laws, rig: laws.test_a_crash_loses_nothing(rig, 9)),
        (ForgetsLetters, lambda laws, rig: laws.test_each_record_ends_once(rig)),
        (WritesTwice, lambda laws, rig: laws.test_each_record_ends_once(rig)),
        (NeverSettles, lambda laws, rig: laws.test_a_drain_finishes_what_is_in_flight(rig)),
    ],
)
def test_a_broken_delivery_is_found(monkeypatch: pytest.MonkeyPatch, broken: type[AtLeastOnce], law: Law) -> None:
    monkeypatch.setattr(rigs, "AtLeastOnce", broken)
    with pytest.raises(AssertionError):
        law(EngineLaws(), MemoryRig())


def test_a_missing_judge_is_found() -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        EngineLaws().test_too_many_dead_letters_stop_it(ForgivingRig())
