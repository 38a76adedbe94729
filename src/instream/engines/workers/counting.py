"""What a worker has done so far: plain numbers for its reports, metrics for Prometheus; once a batch."""

from __future__ import annotations

from collections import Counter

from instream.engines.workers.batch import Scored
from instream.observe import metrics
from instream.records import Outcome


class Counting:
    """The loop's thread writes; other threads may read the numbers."""

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        self.records_in = 0
        self.records_out = 0
        self.dead_letters = 0
        self.filtered = 0
        self.commits = 0
        self._in = metrics.RECORDS_IN.labels(pipeline)
        self._out = metrics.RECORDS_OUT.labels(pipeline)
        self._filtered = metrics.RECORDS_FILTERED.labels(pipeline)
        self._latency = metrics.LATENCY_SECONDS.labels(pipeline)
        self._commits = metrics.COMMITS.labels(pipeline)
        self._inflight = metrics.INFLIGHT_BATCHES.labels(pipeline)
        self._write = metrics.STAGE_SECONDS.labels(pipeline, "write")

    def polled(self, rows: int, inflight: int) -> None:
        self.records_in += rows
        self._in.inc(rows)
        self._inflight.set(inflight)

    def written(self, scored: Scored, inflight: int, took_ns: int) -> None:
        self._out_of(len(scored.batch.records), scored.outcome)
        self._inflight.set(inflight)
        self._write.observe(took_ns / 1e9)

    def settled(self, rows: int, outcome: Outcome) -> None:
        """A batch that another engine reads and writes."""
        self.records_in += rows
        self._in.inc(rows)
        self._out_of(rows, outcome)

    def _out_of(self, rows: int, outcome: Outcome) -> None:
        dead, filtered = len(outcome.failures), len(outcome.filtered)
        self.records_out += rows - dead - filtered
        self.dead_letters += dead
        self.filtered += filtered
        self._out.inc(rows - dead - filtered)
        if filtered:
            self._filtered.inc(filtered)
        for code, count in Counter(outcome.failures.codes).items():
            metrics.FAILURES.labels(self._pipeline, code).inc(count)

    def durable(self, latency_ns: int) -> None:
        """Of one batch, from poll to durable."""
        self._latency.observe(latency_ns / 1e9)

    def committed(self) -> None:
        self.commits += 1
        self._commits.inc()
