"""Our counts in Flink's own metrics, where its web UI and reporters show them beside the operator's."""

from __future__ import annotations

from typing import Any

from instream.hosted import Hosted
from instream.records import Outcome


class Metrics:
    """Counters `records_in`, `records_out`, `dead_letters`, `filtered`, and the gauge `version` of what serves."""

    def __init__(self, group: Any, hosted: Hosted) -> None:
        ours = group.add_group("instream")
        self._in, self._out = ours.counter("records_in"), ours.counter("records_out")
        self._dead, self._filtered = ours.counter("dead_letters"), ours.counter("filtered")
        ours.gauge("version", lambda: max(hosted.ready().versions, default=0))

    def count(self, rows: int, outcome: Outcome) -> None:
        """Once a batch."""
        dead, filtered = len(outcome.failures), len(outcome.filtered)
        self._in.inc(rows)
        self._out.inc(rows - dead - filtered)
        self._dead.inc(dead)
        self._filtered.inc(filtered)
