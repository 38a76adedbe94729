"""Requests that wait are scored together. Work-conserving: a free thread takes what is there at once, and nothing waits for more.

The event loop's thread owns the queues; scoring threads run models and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from instream.errors import DeadlineExceeded, Overloaded, Unavailable
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline, deadline_in
from instream.observe import metrics
from instream.predictor import Call, Predictor
from instream.server.cost import Cost
from instream.server.limits import Limits
from instream.wire.answered import Answered, Whole
from instream.wire.columns import Columns, joined
from instream.wire.inputs import Inputs

_TURN_S = 0.02
"""A batch of a model that costs much a row is no longer than this: whoever comes meanwhile waits for it."""

_VALUE_BYTES = 32  # 8 as a number, and 24 are the longest text of one

_LONG_S = 0.001
"""While a batch on a thread takes longer than this, the next one is made ready, so that the thread goes on with it while the
event loop is busy with answers. A shorter one is not worth it: meanwhile more requests come, and cost less together."""
_STORE_S, _GLANCE_S = 1.0, 0.05
"""So long a batch waits for parameters of keys that are not in memory; and, once it did so in vain, each of its requests."""

_SHARE = 0.5
"""Of a caller's deadline may be spent waiting: a queue of half its length keeps the model as busy as one of its whole, and
leaves time for what is not counted, the network and a machine that is busy with saying no."""


@dataclass(slots=True, eq=False)
class Job:
    """One request's rows, waiting for their prediction."""

    columns: Columns
    pin: int | None
    deadline: Deadline
    asked_ns: int
    answer: asyncio.Future[Answered]


@dataclass(slots=True, eq=False)
class Lane:
    """The queue of one predictor. Models and versions are never mixed in a batch."""

    name: str
    predictor: Predictor
    jobs: deque[Job] = field(default_factory=deque)  # bounded by the gate
    rows: int = 0
    scoring: int = 0
    cost: Cost = field(default_factory=Cost)
    inputs: Inputs = field(init=False)
    answer_row_bytes: int = field(init=False)
    """What the outputs of a row take, as numbers and in the longest of the protocols' forms; texts are guessed."""

    def __post_init__(self) -> None:
        self.inputs = Inputs(self.predictor.requires)
        self.answer_row_bytes = _VALUE_BYTES * sum(each.width for each in Inputs(self.predictor.produces).fields)

    @property
    def version(self) -> int:
        """The one that serves, for protocols that know one; 0 where there is none."""
        versions = self.predictor.ready().versions
        return versions[0] if versions else 0

    @property
    def idle(self) -> bool:
        return not self.jobs and not self.scoring


class Batcher:
    """Call it from the event loop's thread."""

    def __init__(self, limits: Limits, threads: int, clock: Clock = SYSTEM) -> None:
        self._limits = limits
        self._threads = threads
        self._free = threads  # -1 where one batch is ready beyond them
        self._starting = False
        self._clock = clock
        self._waiting: deque[Lane] = deque()  # lanes with jobs, each once, the next one first
        self._ends_ns: dict[int, int] = {}  # by batch on a thread: when it should be done
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="score")
        self._loop = asyncio.get_running_loop()
        self.rows = 0
        """Scored since the start."""

    @property
    def waiting_rows(self) -> int:
        return sum(lane.rows for lane in self._waiting)

    def wait_s(self) -> float:
        """How long a request that came now would wait before its turn, by what rows cost lately."""
        if self._free > 0:
            return 0.0
        now_ns, seconds = self._clock.monotonic_ns(), 0.0
        for end_ns in self._ends_ns.values():
            seconds += max(0, end_ns - now_ns) / 1e9
        for lane in self._waiting:
            seconds += lane.cost.of(lane.rows)
        return seconds / self._threads

    async def score(self, lane: Lane, columns: Columns, deadline: Deadline, pin: int | None = None) -> Answered:
        """Wait for a turn, and for the model.

        Raises:
            Overloaded: the wait would be longer than the deadline, or than `limits.wait_s`.
            DeadlineExceeded: it came while this waited.
            Whatever the predictor raises.
        """
        self.check(lane, columns.num_rows, deadline)
        job = Job(columns, pin, deadline, self._clock.monotonic_ns(), self._loop.create_future())
        if not lane.jobs:
            self._waiting.append(lane)
        lane.jobs.append(job)
        lane.rows += columns.num_rows
        if self._room() and not self._starting:
            self._starting = True
            self._loop.call_soon(self._start)  # what else arrived in this turn of the loop goes along
        return await job.answer

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def check(self, lane: Lane, rows: int, deadline: Deadline) -> None:
        """Raises Overloaded where so many rows that came now would be too late."""
        if self._free > 0:
            return
        wait_s = self.wait_s()
        left_s = deadline.left_s(self._clock)
        if wait_s > self._limits.wait_s or wait_s + lane.cost.of(rows) > left_s * _SHARE:
            metrics.SERVER_REFUSED.labels("wait").inc()
            raise Overloaded(
                f"{self.waiting_rows:,} rows wait, about {wait_s:.2f} s of work", min(max(wait_s / 2, 0.05), self._limits.wait_s)
            )

    def _start(self) -> None:
        """Give free threads what waits, the lanes in turn."""
        self._starting = False
        while self._waiting and self._room():
            lane = self._waiting.popleft()
            jobs = self._taken(lane)
            if lane.jobs:
                self._waiting.append(lane)
            if jobs:
                self._free -= 1
                lane.scoring += 1
                rows = sum(job.columns.num_rows for job in jobs)
                self._ends_ns[id(jobs)] = self._clock.monotonic_ns() + int(lane.cost.of(rows) * 1e9)
                self._pool.submit(self._score, lane, jobs)

    def _room(self) -> bool:
        """Whether a batch may be given to the threads now."""
        if self._free > 0:
            return True
        return self._free == 0 and min(self._ends_ns.values()) - self._clock.monotonic_ns() > _LONG_S * 1e9

    def _taken(self, lane: Lane) -> list[Job]:
        """The next jobs of a lane: those that can be scored together, without who has given up or is too late."""
        jobs: list[Job] = []
        rows = 0
        while lane.jobs:
            job = lane.jobs[0]
            more = job.columns.num_rows
            if jobs and (job.pin != jobs[0].pin or rows + more > self._limits.batch_rows or lane.cost.of(rows + more) > _TURN_S):
                break
            lane.jobs.popleft()
            lane.rows -= more
            if job.answer.done():  # the caller has gone
                metrics.SERVER_REFUSED.labels("gone").inc()
            elif job.deadline.expired(self._clock):
                job.answer.set_exception(_too_late())
            else:
                jobs.append(job)
                rows += more
        return jobs

    def _score(self, lane: Lane, jobs: Sequence[Job]) -> None:
        """On a scoring thread."""
        began = time.perf_counter()
        now_ns = self._clock.monotonic_ns()
        due = [job for job in jobs if job.deadline.at_ns > now_ns]  # a batch that was made ready ahead may have waited for long
        results: Sequence[Answered | BaseException] = self._results(lane, due, now_ns) if due else ()
        seconds, scored = time.perf_counter() - began, sum(job.columns.num_rows for job in due)
        if len(due) < len(jobs):
            found = dict(zip(map(id, due), results, strict=True))
            results = [found[id(job)] if id(job) in found else _too_late() for job in jobs]
        self._loop.call_soon_threadsafe(self._done, lane, jobs, results, scored, seconds)

    def _results(self, lane: Lane, jobs: Sequence[Job], now_ns: int) -> Sequence[Answered | BaseException]:
        until = Deadline(min(now_ns + int(_STORE_S * 1e9), max(job.deadline.at_ns for job in jobs)))
        try:
            return together(lane, [job.columns for job in jobs], jobs[0].pin, until)
        except Unavailable as error:  # some keys' parameters cannot be read: whose keys are in memory need not wait for them
            return [error] if len(jobs) == 1 else [_alone(lane, job, deadline_in(_GLANCE_S, self._clock)) for job in jobs]
        except BaseException as error:  # told to whoever waits; a thread that ends silently would leave them waiting
            return [error] if len(jobs) == 1 else [_alone(lane, job) for job in jobs]

    def _done(self, lane: Lane, jobs: Sequence[Job], results: Sequence[Answered | BaseException], rows: int, seconds: float) -> None:
        """`rows` were scored, which took so long: who was too late says nothing of what a row costs."""
        self._free += 1
        lane.scoring -= 1
        del self._ends_ns[id(jobs)]
        self._start()  # first: a thread works while answers are written
        if rows:
            self.rows += rows
            lane.cost.add(rows, seconds)
            metrics.SERVER_BATCH_ROWS.labels(lane.name).observe(rows)
        metrics.SERVER_SECONDS.labels(lane.name).observe((self._clock.monotonic_ns() - jobs[0].asked_ns) / 1e9)
        for job, result in zip(jobs, results, strict=True):
            if job.answer.done():
                continue
            if isinstance(result, BaseException):
                job.answer.set_exception(result)
            else:
                job.answer.set_result(result)


def together(lane: Lane, requests: Sequence[Columns], pin: int | None = None, deadline: Deadline | None = None) -> Sequence[Answered]:
    """Score the rows of several requests as one batch, on whatever thread this is. Raises what the predictor raises."""
    whole = Whole(lane.predictor.predict(joined(requests, lane.inputs), Call(deadline=deadline, pin=pin)))
    parts, start = [], 0
    for columns in requests:
        parts.append(Answered(lane.name, whole, start, columns.num_rows))
        start += columns.num_rows
    return parts


def _alone(lane: Lane, job: Job, deadline: Deadline | None = None) -> Answered | BaseException:
    """What one request's rows do to a batch is no fault of the others'."""
    try:
        return together(lane, [job.columns], job.pin, deadline)[0]
    except BaseException as error:
        return error


def _too_late() -> DeadlineExceeded:
    metrics.SERVER_REFUSED.labels("deadline").inc()
    return DeadlineExceeded("the deadline came while the request waited for the model", 0.0)
