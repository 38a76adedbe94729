"""One pipeline in one process of an engine."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence

import pyarrow as pa

from instream.codecs import Field
from instream.codecs.fields import tokens_of
from instream.connectors import member_of
from instream.deploy.worker import local_features, predictor_of
from instream.engines.workers.counting import Counting
from instream.engines.workers.judge import Judge, refuse
from instream.errors import Closed, Unavailable
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import deadline_in
from instream.hosted.job import Job
from instream.observe import logs
from instream.pipeline import pipeline_of
from instream.pipeline.build import fields_of
from instream.predictor import STAMPS, Call, Readiness
from instream.records import Outcome, Records

_log = logs.get("hosted")
_RETRY_S_MAX = 5.0
_SAID_EVERY_S = 10.0


class Hosted:
    """Thread-safe: tasks of a process share it. Get it from `shared.hosted`, which loads a pipeline once."""

    def __init__(self, job: Job, *, clock: Clock = SYSTEM) -> None:
        """Load the model. Raises what `deploy.worker.predictor_of` and `pipeline_of` raise."""
        settings = job.pipeline()
        features = local_features(settings)
        self._clock = clock
        self._hold_s = job.hold_s
        self._closed = threading.Event()
        self._predictor = predictor_of(settings, member_of(settings.name, os.getpid()), features, stepped=job.stepped)
        self._pipeline = pipeline_of(settings, self._predictor, features, job.form, job.form)
        self._fields = fields_of(settings, self._predictor.requires, features)
        self._counting = Counting(settings.name)
        self._judge = Judge(settings.dead_letter.max_fraction) if job.letters and settings.dead_letter.url is not None else None
        self._refuses = job.letters
        self._lock = threading.Lock()  # around what counts

    @property
    def pipeline(self) -> str:
        return self._pipeline.name

    @property
    def reads(self) -> Mapping[str, Sequence[Field]]:
        """The columns that records must have, and the fields that are read from each; several where fields lie inside of it."""
        found: dict[str, list[Field]] = {}
        for field in self._fields:
            found.setdefault(tokens_of(field.pointer)[0], []).append(field)
        return found

    @property
    def gives(self) -> pa.Schema:
        """The columns of an answer: the model's outputs, then the stamps that the file names."""
        return pa.schema([*self._predictor.produces, *(STAMPS.field(name) for name in self._pipeline.stamps)])

    def ready(self) -> Readiness:
        return self._predictor.ready()

    def process(self, records: Records, call: Call = Call()) -> Outcome:
        """Score a batch; waits while the predictor is away.

        Raises:
            Unavailable: it was away for longer than `hold_s`; no record is settled.
            PackageRefused: `call` is pinned to a head that is not in force here.
            BadRecord: a record cannot be scored, and the pipeline has no place for dead letters.
            TooManyDeadLetters: past the share that the file allows, of the last 10,000 records of this process.
        """
        outcome = self._offered(records, call)
        with self._lock:
            self._counting.settled(len(records), outcome)
            if self._refuses and len(outcome.failures) and self._judge is None:
                raise refuse(records, outcome.failures)
            if self._judge is not None:
                self._judge.count(len(records), outcome.failures)
        return outcome

    def close(self) -> None:
        self._closed.set()
        self._predictor.close()

    def _offered(self, records: Records, call: Call) -> Outcome:
        until = deadline_in(self._hold_s, self._clock)
        said_at_s = self._hold_s
        while True:
            try:
                return self._pipeline.process(records, call)
            except Unavailable as outage:
                left_s = until.left_s(self._clock)
                if left_s <= 0:
                    raise
                if left_s <= said_at_s:  # a predictor may say no twenty times a second
                    _log.warning("waiting for the predictor", reason=str(outage), left_s=round(left_s))
                    said_at_s = left_s - _SAID_EVERY_S
                self._clock.wait(self._closed, min(outage.retry_after_s, _RETRY_S_MAX, left_s))
                if self._closed.is_set():
                    raise Closed("the pipeline was closed while a batch waited for the predictor") from outage
