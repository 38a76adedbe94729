"""A predictor over a store: it follows the head of a model, or stays with one version, and swaps without a pause."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pyarrow as pa

from instream.errors import Closed, DeadlineExceeded, PackageRefused
from instream.flow.clock import SYSTEM, Clock
from instream.live.adopt import Adopting
from instream.live.follow import Follower
from instream.live.hot import HotKeys
from instream.live.prepare import Limits
from instream.live.rules import Available, Rules
from instream.live.score import score
from instream.live.serving import FeatureChoice, Serving
from instream.live.telling import Telling
from instream.live.watch import HeadWatch
from instream.predictor import Call, Prediction, Readiness
from instream.stores import Store, parse

_STOP_S = 2.0


class LivePredictor:
    """Satisfies predictor.Predictor. The constructor returns once a version serves.

    `requires` and `produces` are those of the version that was adopted first and never change.
    """

    def __init__(
        self,
        store: Store,
        model: str,
        *,
        pipeline: str,
        worker: str,
        features: FeatureChoice = None,
        available: Available | None = None,
        keyed: bool | None = None,
        limits: Limits = Limits(),
        poll_s: float = 0.5,
        inflight: int = 1,
        clock: Clock = SYSTEM,
    ) -> None:
        """Load, prove and warm a first version.

        Args:
            model: `delay` follows the champion, `delay@candidate` a label of the head, `delay@3` stays with a version.
            features: who makes the model's inputs; "package" runs code that was published with the model.
            available: fields that reach `predict`; by default what the first version requires.
            keyed: whether only keyed packages will do, or only others; by default both.
        Raises:
            PackageRefused: no version can be used; with the reasons.
            NotFound: the store has no such model or version.
            Unavailable: the store is away.
        """
        reference = parse(model)
        self.inflight = inflight
        self._clock = clock
        self._closed = threading.Event()
        self._live: Serving
        self._telling = Telling(store, name=reference.name, pipeline=pipeline, worker=worker, pinned=reference.pinned, clock=clock)
        self._follower = Follower(
            store,
            reference,
            adopting=Adopting(store, reference, limits, self._closed),
            watch=HeadWatch(store, reference.name, poll_s=poll_s, closed=self._closed, clock=clock),
            telling=self._telling,
            hot=HotKeys(store, reference.name, f"{pipeline}/{worker}", clock),
            swap=self._swap,
            closed=self._closed,
            clock=clock,
        )
        self._follower.start(Rules(features, available, None, keyed))
        self.requires: pa.Schema = self._live.requires
        self.produces: pa.Schema = self._live.produces

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> Prediction:
        """Score a batch by one snapshot.

        Raises:
            DeadlineExceeded: it was past; nothing was scored.
            Unavailable: parameters of keys cannot be read; nothing was scored.
            Closed: the predictor was closed.
            PackageRefused: the call is pinned to a head that is not loaded, or to a moment, where parameters follow the store.
        """
        live = self._live  # the snapshot: nothing below looks at self again
        if self._closed.is_set():
            raise Closed(f"{live.name}: the predictor was closed")
        if call.deadline is not None and call.deadline.expired(self._clock):
            raise DeadlineExceeded(f"{live.name}: the deadline was past before the batch was scored", retry_after_s=0.0)
        if call.pin is not None:
            _check_pin(call.pin, live)
        with nullcontext() if call.as_of is None else live.model.at(call.as_of, call.deadline):
            return score(live, batch, call.deadline)

    def ready(self) -> Readiness:
        """Always ready from construction to `close`."""
        live = self._live
        if self._closed.is_set():
            return Readiness(False, "closed", live.head)
        return Readiness(True, f"serving {live.label} (head {live.head})", live.head, (live.version,), self._telling.reason)

    def close(self) -> None:
        """Stop following; later calls raise Closed, those under way end."""
        if not self._closed.is_set():
            self._closed.set()
            self._live.model.close()
            self._follower.stop(_STOP_S)

    def _swap(self, serving: Serving) -> None:
        self._live = serving


def _check_pin(pin: int | pa.Array, live: Serving) -> None:
    for head in pin.unique().to_pylist() if isinstance(pin, pa.Array) else [pin]:
        if head != live.head:
            raise PackageRefused(f"{live.name}: head {head} is not loaded, head {live.head} is; pin the pipeline to a version instead")
