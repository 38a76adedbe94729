"""Reports of workers: the newest of each, for as long as it says something about the present."""

from __future__ import annotations

import uuid

import msgspec

from instream.report import Report
from instream.stores.backend import Backend, claim, scan


class Reports:
    """Places: `reports/MODEL` (PIPELINE/WORKER/TIME/ID -> Report). A new row, then the older ones of the worker go."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def write(self, report: Report) -> None:
        place, worker = _place(report.name), _worker(report)
        key = f"{worker}{report.at_ms:015d}/{uuid.uuid4().hex[:8]}"
        claim(self._backend, place, key, msgspec.json.encode(report))
        for older, row in list(scan(self._backend, place)):
            known = _report(row)
            if (older.startswith(worker) and older < key) or known is None or not known.live(report.at_ms):
                self._backend.delete(place, older)

    def remove(self, report: Report) -> None:
        """The worker is gone on purpose: nobody is to wait for it."""
        for key, _ in list(scan(self._backend, _place(report.name))):
            if key.startswith(_worker(report)):
                self._backend.delete(_place(report.name), key)

    def live(self, name: str, now_ms: int) -> tuple[Report, ...]:
        """The newest of each worker, without those that are too old, by pipeline and worker."""
        newest: dict[tuple[str, str], Report] = {}
        for _, row in scan(self._backend, _place(name)):
            report = _report(row)
            if report is not None and report.live(now_ms):
                newest[report.pipeline, report.worker] = report
        return tuple(newest[worker] for worker in sorted(newest))


def _report(row: bytes) -> Report | None:
    """None for what this instream cannot read: a report is news, not a record."""
    try:
        return msgspec.json.decode(row, type=Report)
    except msgspec.MsgspecError:
        return None


def _place(name: str) -> str:
    return f"reports/{name}"


def _worker(report: Report) -> str:
    return f"{report.pipeline}/{report.worker}/"
