"""What a worker says of itself: to the store (`instream models`, `promote --wait`), to Prometheus and to the log."""

from __future__ import annotations

import msgspec

from instream.errors import StoreError
from instream.flow.clock import SYSTEM, Clock
from instream.head import Revision
from instream.live.refusal import Refused
from instream.live.serving import Serving
from instream.observe import logs, metrics
from instream.package import Version
from instream.report import REPORT_EVERY_S, Report
from instream.stores import Store

_log = logs.get("live")


class Telling:
    """One worker and one model. Only its follower's thread calls it, and the constructor's before that."""

    def __init__(self, store: Store, *, name: str, pipeline: str, worker: str, pinned: bool, clock: Clock = SYSTEM) -> None:
        self._store = store
        self._clock = clock
        self._report = Report(name=name, pipeline=pipeline, worker=worker, revision=Revision(0), pinned=pinned, at_ms=clock.wall_ms())
        self._due_ns = 0  # a change is told at once

    @property
    def reason(self) -> str:
        """Why the newest head was not adopted; empty when it was."""
        return self._report.reason

    def adopted(self, serving: Serving, seconds: float) -> None:
        """A head is in force here."""
        name = serving.name
        metrics.SWAPS.labels(name).inc()
        metrics.LOAD_SECONDS.labels(name).observe(seconds)
        metrics.MODEL_HEAD.labels(name).set(serving.head)
        metrics.MODEL_VERSION.labels(name).set(serving.version)
        metrics.MODEL_BYTES.labels(name).set(serving.nbytes)
        _log.info("head adopted", model=name, head=serving.head, version=serving.version, load_ms=round(seconds * 1000))
        newer = self._report.refused > serving.head
        self._change(
            revision=serving.head,
            versions=(serving.version,),
            refused=self._report.refused if newer else Revision(0),
            reason=self._report.reason if newer else "",
        )

    def refused(self, revision: Revision, version: Version, refusal: Refused, instead: Serving | None) -> None:
        """A head is not adopted; what served before goes on."""
        name = self._report.name
        goes_on = f", {instead.label} (head {instead.head}) goes on" if instead else ""
        words = f"{name}@{version} not adopted{goes_on}: {refusal}"
        metrics.REFUSALS.labels(name, refusal.reason.value).inc()
        _log.warning("head refused", model=name, head=revision, version=version, reason=refusal.reason.value, why=words)
        if revision > self._report.refused:
            self._change(refused=revision, reason=words)
        else:
            self._due_ns = 0

    def repeat(self) -> None:
        """Send the report if it is due. A store that is away loses nothing but the report."""
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._due_ns:
            return
        self._due_ns = now_ns + int(REPORT_EVERY_S * 1e9)
        try:
            self._store.report(self._now())
        except (StoreError, OSError) as error:
            _log.debug("report not kept", model=self._report.name, error=str(error))

    def withdraw(self) -> None:
        """The worker ends on purpose."""
        try:
            self._store.withdraw(self._now())
        except (StoreError, OSError) as error:
            _log.debug("report not withdrawn", model=self._report.name, error=str(error))

    def _change(self, **changed: object) -> None:
        self._report = msgspec.structs.replace(self._report, **changed)
        self._due_ns = 0

    def _now(self) -> Report:
        return msgspec.structs.replace(self._report, at_ms=self._clock.wall_ms())
