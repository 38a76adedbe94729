"""What a worker says about the model that it serves. A store keeps the newest one of each worker for a while."""

from __future__ import annotations

import msgspec

from instream.head import Revision
from instream.package import Version

REPORT_LIVES_MS = 30_000
"""A report that is older says nothing about the present: its worker is gone or cut off."""

REPORT_EVERY_S = 10.0
"""How often a worker repeats its report; three may be lost before it counts as gone."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One worker and one model.

    Attributes:
        name: of the model.
        pipeline, worker: together they name the worker.
        revision: the head in use; 0 while there is none, and for a pinned worker.
        versions: loaded, proved and serving.
        pinned: follows no head (`delay@3`), so nobody waits for it.
        refused: the newest head revision that was not adopted; 0 when there is none.
        reason: why it was refused.
        at_ms: Unix time, milliseconds, on the worker's clock.
    """

    name: str
    pipeline: str
    worker: str
    revision: Revision
    versions: tuple[Version, ...] = ()
    pinned: bool = False
    refused: Revision = Revision(0)
    reason: str = ""
    at_ms: int

    def live(self, now_ms: int) -> bool:
        """Whether it still says something about the present."""
        return now_ms - self.at_ms <= REPORT_LIVES_MS
