"""A predictor whose model is in a server: it never asks for more than the server takes, and waits where there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from instream.errors import Closed, DeadlineExceeded, InstreamError, PackageRefused, Unavailable, WrongAnswer
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline
from instream.flow.rows import AdaptiveRows
from instream.package import Version
from instream.predictor import Call, Prediction, Readiness, concat
from instream.signature import schema_of
from instream.strategies.remote.balance import Balance
from instream.strategies.remote.endpoint import Endpoint
from instream.strategies.remote.watch import Watch
from instream.wire import native

_SPARE_BYTES = 64 << 10  # of a request's limit, for headers and padding
_STOP_S = 2.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for one call, and without any answer before a batch is given back to be offered again."""

    call_s: float
    batch_s: float


class RemotePredictor:
    """Satisfies predictor.Predictor. The constructor returns once a server has said what its model reads and gives.

    A batch that is larger than what a server takes, or answers in time, is asked in parts, which may be scored by different
    heads while one is being replaced by the next; the stamps say by which version each row was.
    """

    def __init__(
        self,
        model: str,
        endpoints: Sequence[Endpoint],
        *,
        patience: Patience,
        calls: int,
        version: Version | None = None,
        poll_s: float = 0.5,
        clock: Clock = SYSTEM,
    ) -> None:
        """Ask the servers.

        Args:
            model: a reference that the servers know, such as `delay` or `delay@3`.
            calls: batches worth having in flight.
            version: what every answer must have been scored by; None for whatever the head says.
        Raises:
            Unavailable, NotFound, WrongAnswer: no server can say what its model reads; what the last one said.
        """
        self.inflight = calls
        self._model = model
        self._patience = patience
        self._version = version
        self._clock = clock
        self._closed = threading.Event()
        self._balance = Balance(endpoints, patience.batch_s, clock)
        self._rows = AdaptiveRows()
        self._watch = Watch(self._balance, model, every_s=poll_s, closed=self._closed, clock=clock)
        about = self._watch.first()
        self.requires: pa.Schema = schema_of(about.requires)
        self.produces: pa.Schema = schema_of(about.produces)
        self._parts = ThreadPoolExecutor(calls, thread_name_prefix="part")
        self._watch.start()

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> Prediction:
        """Ask a server.

        Raises:
            Unavailable: no answer within the deadline, or none at all for `patience.batch_s`; nothing is settled.
            Closed: the predictor was closed.
            PackageRefused: the call is pinned to a head that no server has.
        """
        if self._closed.is_set():
            raise Closed(f"{self._model}: the predictor was closed")
        if call.deadline is not None and call.deadline.expired(self._clock):
            raise Unavailable(f"{self._model}: the deadline was past before the batch was sent", retry_after_s=0.0)
        wanted = batch.select([name for name in self.requires.names if name in batch.schema.names])
        ask = partial(self._asked, until=call.deadline, pin=_pin(call.pin))
        parts = self._cut(wanted)
        return ask(parts[0]) if len(parts) == 1 else concat(self._all(ask, parts))

    def ready(self) -> Readiness:
        """As the servers said lately; the head is the least of those that are well."""
        if self._closed.is_set():
            return Readiness(False, "closed")
        with self._balance.guard():
            well = [each.about for each in self._balance.endpoints if not each.reason and each.about is not None]
        if not well:
            return Readiness(False, self._balance.reasons() or "no server is ready")
        versions = tuple(sorted({version for about in well for version in about.versions}))
        least = min(well, key=lambda about: about.head)
        refused = next((about.refused for about in well if about.refused), "")
        return Readiness(True, least.reason, least.head, versions, refused)

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._balance.close()
            for endpoint in self._balance.endpoints:
                endpoint.transport.close()
            self._watch.stop(_STOP_S)
            self._parts.shutdown(wait=False, cancel_futures=True)

    def _cut(self, batch: pa.RecordBatch) -> Sequence[pa.RecordBatch]:
        """Parts that every server takes."""
        with self._balance.guard():
            known = [each.about for each in self._balance.endpoints if each.about is not None]
        rows = min(about.rows for about in known)
        nbytes = min(about.nbytes for about in known) - _SPARE_BYTES
        if batch.num_rows and batch.nbytes > nbytes:
            rows = min(rows, max(1, nbytes * batch.num_rows // batch.nbytes))
        rows = self._rows.of(rows)
        if batch.num_rows <= rows:
            return [batch]
        return [batch.slice(start, rows) for start in range(0, batch.num_rows, rows)]

    def _all(self, ask: Callable[[pa.RecordBatch], Prediction], parts: Sequence[pa.RecordBatch]) -> Sequence[Prediction]:
        """Several at once. When one fails, those that did not begin are left: all will be offered again."""
        asked = [self._parts.submit(ask, part) for part in parts]
        try:
            return [each.result() for each in asked]
        finally:
            for each in asked:
                each.cancel()

    def _asked(self, batch: pa.RecordBatch, until: Deadline | None, pin: int | None, failed: Endpoint | None = None) -> Prediction:
        """One call, and more until one is answered, no server answers any more or the budget is spent.

        Args:
            until: an answer is of no use after it; None where the caller said nothing.
            failed: this is a retry, and that one failed.
        """
        since_ns = self._clock.monotonic_ns()
        body = native.write_rows(batch)
        while True:
            endpoint = self._balance.acquire(since_ns, until, retry_of=failed)
            error: InstreamError | None = None
            try:
                return self._answer(endpoint, body, batch.num_rows, until, pin)
            except PackageRefused:
                raise
            except InstreamError as found:
                error = found
            finally:
                self._balance.release(endpoint, error)
            if isinstance(error, Closed) or self._closed.is_set():
                raise Closed(f"{self._model}: the predictor was closed") from error
            failed = endpoint
            if isinstance(error, DeadlineExceeded) and until is None and batch.num_rows > 1:
                with self._balance.guard():
                    self._rows.late(batch.num_rows)
                half = batch.num_rows // 2
                return concat([self._asked(part, until, pin, failed) for part in (batch.slice(0, half), batch.slice(half))])

    def _answer(self, endpoint: Endpoint, body: bytes, rows: int, until: Deadline | None, pin: int | None) -> Prediction:
        timeout_s = self._patience.call_s if until is None else max(0.001, min(self._patience.call_s, until.left_s(self._clock)))
        began_ns = self._clock.monotonic_ns()
        answer = endpoint.transport.score(self._model, body, timeout_s, pin)
        with self._balance.guard():
            self._rows.answered(rows, (self._clock.monotonic_ns() - began_ns) / 1e9 / timeout_s)
        prediction = native.read_answer(answer, rows, self.produces)
        if self._version is not None and pc.any(pc.not_equal(prediction.stamps.column("version"), self._version)).as_py():
            raise WrongAnswer(f"{endpoint.url} answered by another version than {self._model}")
        return prediction


def _pin(pin: int | pa.Array | None) -> int | None:
    """One head for the whole batch. Raises PackageRefused for several: a server has one in force."""
    if not isinstance(pin, pa.Array):
        return pin
    heads = pin.unique().to_pylist()
    if len(heads) > 1:
        raise PackageRefused(f"the batch is pinned to heads {heads}, and a server scores by one; head {heads[-1]} is not loaded beside it")
    return heads[0] if heads else None
