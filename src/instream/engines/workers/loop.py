"""The loop of one worker: source → scoring threads → sinks → commit, in the order of the source."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import StrEnum

from instream.connectors.protocol import Lag, Source
from instream.engines.workers.batch import Batch, Scored
from instream.engines.workers.counting import Counting
from instream.engines.workers.delivery import Delivery
from instream.engines.workers.holding import Holding
from instream.engines.workers.judge import Judge, refuse
from instream.engines.workers.pace import Pace
from instream.engines.workers.scoring import Scoring
from instream.errors import BadRecord, ReaderGone, SinkFailed, TooManyDeadLetters, TransactionAborted
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline, deadline_in
from instream.flow.inflight import Inflight
from instream.flow.points import reached
from instream.observe import logs

_log = logs.get("worker")

_IDLE_S = 0.1  # longest wait for records with nothing else to do; a drain is noticed after it
_PENDING_S = 0.002  # the same while something is written and not yet durable
_THREADS_FREE_S = 0.005  # wait for a result while a scoring thread is free, before looking at the source again
_TURN_S = 0.05  # longest wait for a result: commits fall due meanwhile
_ABORTS_MAX = 10  # transactions given up one after another
_LAG_NS = 1_000_000_000  # between two looks at how far behind the source is
_REVOKED_S = 5.0  # for making durable what is written, before partitions go to another worker


class Ended(StrEnum):
    """Why a loop ended without an error."""

    SOURCE = "the source ended"
    LIMIT = "the limit was reached"
    DRAINED = "asked to end"
    READER = "whoever read standard output has gone"


class Loop:
    """One thread runs it and owns source and sinks; `drain` may be called from any thread or signal handler."""

    def __init__(
        self,
        source: Source,
        scoring: Scoring,
        delivery: Delivery,
        judge: Judge | None,
        counting: Counting,
        pace: Pace,
        *,
        watch: Callable[[Sequence[Batch]], None] = lambda batches: None,
        clock: Clock = SYSTEM,
    ) -> None:
        """Put the parts together.

        Args:
            judge: of dead letters; None when there is no place for them, and then the first bad record ends the loop.
            watch: told the batches that are being scored, whenever they change.
        """
        self._source = source
        self._scoring = scoring
        self._delivery = delivery
        self._judge = judge
        self.counting = counting
        self._pace = pace
        self._watch = watch
        self._clock = clock
        self._inflight: Inflight[Batch, Scored] = Inflight(scoring, calls=pace.calls, nbytes=pace.calls * pace.nbytes)
        self._holding = Holding(source, after_s=pace.hold_s, clock=clock)
        self._flowing = False  # the last poll gave a batch
        self._scoring_now: list[Batch] = []  # bounded by calls + 1
        self._epoch = 0
        self._polled_rows = 0
        self._aborts = 0
        self._commits_before = 0
        self._drain_by: Deadline | None = None
        self._measured_ns = 0
        self.lag = Lag(None)
        """How far behind the source was lately; other threads may read it."""
        source.listen(self._revoked, self._lost)

    @property
    def held(self) -> bool:
        return self._holding.held

    def drain(self, within_s: float | None = None) -> None:
        """Take nothing more, finish what is in flight, commit, end; within the grace period by default."""
        wanted = deadline_in(self._pace.grace_s if within_s is None else within_s, self._clock)
        if self._drain_by is None or wanted.at_ns < self._drain_by.at_ns:
            self._drain_by = wanted

    def run(self) -> Ended:
        """Go on until the source ends, the limit is reached or `drain` is called; all that was finished is then committed.

        Raises:
            TooManyDeadLetters, BadRecord: what was written before is committed.
            SinkFailed: not all was finished within the grace period, or a sink failed.
            SourceFailed: the source cannot go on.
        """
        while True:
            try:
                while not self._finished():
                    self._turn()
                self._settle()
                return self._why()
            except TransactionAborted as error:
                self._start_over(error)
            except ReaderGone:
                return Ended.READER
            except (BadRecord, TooManyDeadLetters):
                self._delivery.settle(deadline_in(self._pace.grace_s, self._clock))
                raise

    def close(self) -> None:
        """After `run` ended well: close sinks and source. After an error leave it out, so that no file gets its final name."""
        self._scoring.close()
        self._inflight.close()
        self._delivery.close()
        self._source.close()

    def _turn(self) -> None:
        self._fetch()
        self._delivery.tick()  # a commit waits for the broker: the scoring thread has the interpreter meanwhile
        scored = self._take()
        if scored is not None:
            self._write(scored)
        self._measure_lag()

    def _fetch(self) -> None:
        """Poll only when a scoring thread is free: two threads that both want the interpreter slow each other down."""
        if not self._finishing() and self._inflight.room(self._pace.nbytes):
            self._holding.release()
            batch = self._poll(self._fetch_wait_s())
            self._flowing = batch is not None
            if batch is not None:
                self._offer(batch)
        elif self._holding.held or self._holding.left_s() <= 0:
            self._holding.hold()
            self._source.poll(1, self._pace.nbytes, 0)
            self._holding.polled()

    def _poll(self, wait_s: float) -> Batch | None:
        rows = self._pace.rows if self._pace.limit is None else min(self._pace.rows, self._pace.limit - self._polled_rows)
        records = self._source.poll(rows, self._pace.nbytes, wait_s)
        self._holding.polled()
        if records is None:
            return None
        self._polled_rows += len(records)
        reached("polled")
        return Batch(records, self._clock.monotonic_ns(), self._epoch)

    def _fetch_wait_s(self) -> float:
        if len(self._inflight):
            return 0.0
        return _PENDING_S if self._delivery.pending else _IDLE_S

    def _offer(self, batch: Batch) -> None:
        self._scoring_now.append(batch)
        self._watch(self._scoring_now)
        self.counting.polled(len(batch.records), len(self._scoring_now))
        self._inflight.offer(batch, self._pace.nbytes)

    def _take(self) -> Scored | None:
        """The oldest batch, if it is done within the time that the loop may wait."""
        done = self._inflight.take(self._take_wait_s())
        if done is None:
            return None
        self._scoring_now.pop(0)
        return done[1]

    def _take_wait_s(self) -> float:
        if self._holding.held:
            return _TURN_S
        if not self._finishing() and self._inflight.room(self._pace.nbytes):
            return 0.0 if self._flowing else _THREADS_FREE_S
        return min(max(self._holding.left_s(), 0.0), _TURN_S)

    def _write(self, scored: Scored) -> None:
        began_ns = time.perf_counter_ns()
        failures = scored.outcome.failures
        if len(failures) and self._judge is None:
            raise refuse(scored.batch.records, failures)
        self._delivery.write(scored)
        self.counting.written(scored, len(self._scoring_now), time.perf_counter_ns() - began_ns)
        if self._judge is not None:
            self._judge.count(len(scored.batch.records), failures)

    def _measure_lag(self) -> None:
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._measured_ns >= _LAG_NS:
            self._measured_ns = now_ns
            self.lag = self._source.lag()

    def _finishing(self) -> bool:
        """Nothing more is to be taken from the source."""
        return self._drain_by is not None or self._limit_reached() or self._source.ended

    def _limit_reached(self) -> bool:
        return self._pace.limit is not None and self._polled_rows >= self._pace.limit

    def _finished(self) -> bool:
        if not self._finishing():
            return False
        overdue = self._drain_by is not None and self._drain_by.expired(self._clock)
        return overdue or not len(self._inflight)

    def _why(self) -> Ended:
        if self._limit_reached():
            return Ended.LIMIT
        return Ended.SOURCE if self._source.ended else Ended.DRAINED

    def _settle(self) -> None:
        """The last commit."""
        left = len(self._inflight)
        self._drop()
        durable = self._delivery.settle(self._drain_by or deadline_in(self._pace.grace_s, self._clock))
        if left or not durable:
            what = f"{left} batches were not scored" if left else "outputs were not acknowledged"
            raise SinkFailed(f"{what} within engine.grace_s; they are not committed and come again in the next run")

    def _start_over(self, error: TransactionAborted) -> None:
        """From the last commit; what is in flight was made for a transaction that is gone."""
        if self.counting.commits > self._commits_before:
            self._aborts, self._commits_before = 0, self.counting.commits
        self._aborts += 1
        if self._aborts > _ABORTS_MAX:
            raise SinkFailed(f"{self._aborts} transactions were given up one after another; the last: {error}") from error
        _log.warning("transaction given up, trying again from the last commit", reason=str(error), attempt=self._aborts)
        self._delivery.abandon()
        self._drop()
        self._source.rewind()

    def _revoked(self) -> None:
        """The partitions are still ours: commit what is written."""
        try:
            if not self._delivery.settle(deadline_in(_REVOKED_S, self._clock)):
                _log.warning("partitions revoked before all outputs were acknowledged; their next owner repeats those")
        except TransactionAborted as error:
            _log.warning("transaction given up while partitions were revoked; their next owner repeats it", reason=str(error))
        self._delivery.abandon()
        self._drop()

    def _lost(self) -> None:
        self._delivery.abandon()
        self._drop()

    def _drop(self) -> None:
        """Forget what is in flight; it comes again, here or elsewhere."""
        self._epoch += 1
        self._scoring.drop(self._epoch)
        self._inflight.drop()
        self._polled_rows -= sum(len(batch.records) for batch in self._scoring_now)
        self._scoring_now.clear()
