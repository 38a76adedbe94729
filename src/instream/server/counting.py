"""What was answered, for the metrics: counted in plain numbers, and told twice a second."""

from __future__ import annotations

from collections import Counter

from instream.observe import metrics
from instream.server.batcher import Batcher
from instream.server.gate import Gate


class Counting:
    """The event loop's thread counts; `tell` is called there as well."""

    def __init__(self) -> None:
        self._answered: Counter[tuple[str, int | str]] = Counter()
        self.requests = 0
        self.refused = 0

    def answered(self, protocol: str, code: int | str) -> None:
        """One request."""
        self._answered[protocol, code] += 1
        self.requests += 1
        self.refused += code in (429, 503, "RESOURCE_EXHAUSTED", "UNAVAILABLE")

    def tell(self, batcher: Batcher, gate: Gate) -> None:
        """Bring the metrics up to date."""
        for (protocol, code), count in self._answered.items():
            metrics.SERVER_REQUESTS.labels(protocol, str(code)).inc(count)
        self._answered.clear()
        metrics.SERVER_WAITING_ROWS.set(batcher.waiting_rows)
        metrics.SERVER_WAIT_SECONDS.set(batcher.wait_s())
        metrics.SERVER_HELD_BYTES.set(gate.nbytes)
