"""What waits together is scored together, and nobody pays for another's fault."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from instream.errors import DeadlineExceeded, Overloaded
from instream.failures import NONE
from instream.flow.deadline import Deadline, deadline_in
from instream.package import Version
from instream.predictor import Call, Prediction, Readiness, stamped
from instream.server.batcher import Batcher, Lane
from instream.server.cost import Cost
from instream.server.limits import Limits
from instream.wire.answered import Answered
from instream.wire.columns import Columns


class Doubling:
    """`y = 2 x`, once it may; 13 makes it raise. Satisfies Predictor."""

    requires = pa.schema([("x", pa.float64())])
    produces = pa.schema([("y", pa.float64())])
    inflight = 1

    def __init__(self) -> None:
        self.may = threading.Event()
        self.may.set()
        self.batches: list[list[float]] = []
        self.pins: list[object] = []

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> Prediction:
        assert self.may.wait(30)
        x = np.asarray(batch.column("x"))
        self.batches.append(x.tolist())
        self.pins.append(call.pin)
        if 13 in x:
            raise ValueError("unlucky")
        stamps = stamped(Version(1), len(x))
        return Prediction(pa.RecordBatch.from_arrays([pa.array(2 * x)], ["y"]), stamps, 1, NONE)

    def ready(self) -> Readiness:
        return Readiness(True, "")

    def close(self) -> None:
        """Nothing is held."""


def row(*values: float) -> Columns:
    return Columns([np.array(values)], len(values))


def y_of(answered: Answered) -> list[float]:
    found: list[float] = answered.outputs()[0].values.tolist()  # type: ignore[union-attr]
    return found


LONG = Deadline(1 << 62)  # not from now: a test may run long after this was imported
Story = Callable[[Batcher, Lane, Doubling], Coroutine[Any, Any, None]]


def told(story: Story, **limits: Any) -> Doubling:
    """Run a story with one thread; the predictor that it had."""
    predictor = Doubling()

    async def tell() -> None:
        batcher = Batcher(Limits(**limits), threads=1)
        try:
            lane = Lane("delay", predictor)
            lane.cost.add(1_000_000, 0.1)  # cheap rows, so that the batch which is held does not count for much
            await story(batcher, lane, predictor)
        finally:
            predictor.may.set()
            batcher.close()

    asyncio.run(tell())
    return predictor


async def busy(batcher: Batcher, lane: Lane, predictor: Doubling) -> asyncio.Future[Answered]:
    """A request that holds the only thread until `predictor.may`."""
    predictor.may.clear()
    first = asyncio.ensure_future(batcher.score(lane, row(0), LONG))
    while lane.jobs or not lane.scoring:
        assert not first.done()
        await asyncio.sleep(0.001)
    return first


def test_what_waits_together_is_scored_together() -> None:
    async def story(batcher: Batcher, lane: Lane, predictor: Doubling) -> None:
        first = await busy(batcher, lane, predictor)
        others = [asyncio.ensure_future(batcher.score(lane, row(n, n + 0.5), LONG)) for n in range(1, 6)]
        await asyncio.sleep(0.01)
        predictor.may.set()
        assert y_of(await first) == [0]
        assert [y_of(await other) for other in others] == [[2 * n, 2 * n + 1] for n in range(1, 6)]

    assert [len(batch) for batch in told(story).batches] == [1, 10]


def test_a_batch_has_at_most_so_many_rows_and_one_pin() -> None:
    async def story(batcher: Batcher, lane: Lane, predictor: Doubling) -> None:
        await busy(batcher, lane, predictor)
        asked = [
            asyncio.ensure_future(batcher.score(lane, row(n), LONG, pin)) for n, pin in enumerate((None, None, None, None, 7, 7, None))
        ]
        await asyncio.sleep(0.01)
        predictor.may.set()
        assert [y_of(await each) for each in asked] == [[2.0 * n] for n in range(7)]

    predictor = told(story, batch_rows=3)
    assert predictor.batches == [[0], [0, 1, 2], [3], [4, 5], [6]]
    assert predictor.pins == [None, None, None, 7, None]


def test_who_is_too_late_or_has_gone_is_not_scored() -> None:
    """Law 8."""

    async def story(batcher: Batcher, lane: Lane, predictor: Doubling) -> None:
        first = await busy(batcher, lane, predictor)
        late = asyncio.ensure_future(batcher.score(lane, row(1), deadline_in(0.05)))
        gone = asyncio.ensure_future(batcher.score(lane, row(2), LONG))
        well = asyncio.ensure_future(batcher.score(lane, row(3), LONG))
        await asyncio.sleep(0.1)
        gone.cancel()
        await asyncio.sleep(0)
        predictor.may.set()
        await first
        assert y_of(await well) == [6]
        with pytest.raises(DeadlineExceeded):
            await late

    assert told(story).batches == [[0], [3]]


def test_who_becomes_too_late_in_a_batch_that_is_ready_is_not_scored() -> None:
    """Law 8: a batch is made ready while a long one is being scored, and may wait for a thread longer than a deadline."""

    async def story(batcher: Batcher, lane: Lane, predictor: Doubling) -> None:
        cheap, lane.cost = lane.cost, Cost()
        lane.cost.add(10, 2.0)  # 0.2 s a row: long enough for the next batch to be made ready
        first = await busy(batcher, lane, predictor)
        lane.cost = cheap
        late = asyncio.ensure_future(batcher.score(lane, row(1), deadline_in(1)))
        well = asyncio.ensure_future(batcher.score(lane, row(2), LONG))
        await asyncio.sleep(1.1)
        assert not lane.jobs
        predictor.may.set()
        await first
        assert y_of(await well) == [4]
        with pytest.raises(DeadlineExceeded):
            await late
        assert batcher.rows == 2  # were scored

    assert told(story).batches == [[0], [2]]


def test_a_request_that_breaks_a_batch_fails_alone() -> None:
    """Law 10."""

    async def story(batcher: Batcher, lane: Lane, predictor: Doubling) -> None:
        await busy(batcher, lane, predictor)
        asked = [asyncio.ensure_future(batcher.score(lane, row(n), LONG)) for n in (12, 13, 14)]
        await asyncio.sleep(0.01)
        predictor.may.set()
        assert (y_of(await asked[0]), y_of(await asked[2])) == ([24], [28])
        with pytest.raises(ValueError, match="unlucky"):
            await asked[1]

    told(story)


def test_who_would_wait_too_long_is_refused_on_arrival() -> None:
    """Law 7: by what rows cost lately."""

    async def story(batcher: Batcher, lane: Lane, predictor: Doubling) -> None:
        lane.cost = Cost()
        lane.cost.add(1_000, 1_000.0)  # a second a row
        await busy(batcher, lane, predictor)
        with pytest.raises(Overloaded, match="s of work") as refused:
            await batcher.score(lane, row(1), deadline_in(1.5))
        assert 0 < refused.value.retry_after_s <= 1
        patient = asyncio.ensure_future(batcher.score(lane, row(2), LONG))
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded):
            await batcher.score(lane, row(3), LONG)
        predictor.may.set()
        assert y_of(await patient) == [4]

    told(story, wait_s=1.5)


def test_models_take_turns() -> None:
    async def story(batcher: Batcher, lane: Lane, predictor: Doubling) -> None:
        other = Lane("other", Doubling())
        await busy(batcher, lane, predictor)
        mine = [asyncio.ensure_future(batcher.score(lane, row(n), LONG)) for n in range(4)]
        theirs = asyncio.ensure_future(batcher.score(other, row(9), LONG))
        await asyncio.sleep(0.01)
        predictor.may.set()
        await asyncio.wait({theirs})
        assert not all(each.done() for each in mine)
        await asyncio.gather(*mine)

    told(story, batch_rows=1)


def test_a_deadline_that_is_past_is_not_waited_for() -> None:
    async def story(batcher: Batcher, lane: Lane, predictor: Doubling) -> None:
        await busy(batcher, lane, predictor)
        with pytest.raises(Overloaded):
            await batcher.score(lane, row(1), Deadline(0))

    told(story)
