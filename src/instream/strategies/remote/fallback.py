"""What scores when the servers are away for longer than the file allows: another predictor, a fixed answer, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from instream.errors import GaveUp, SettingsInvalid, Unavailable
from instream.failures import NONE
from instream.flow.clock import SYSTEM, Clock
from instream.observe import logs
from instream.package import Version
from instream.predictor import Call, Prediction, Predictor, Readiness, stamped

DEFAULT_VERSION = Version(0)
"""The stamp of an answer that no version gave: versions begin with 1."""

_log = logs.get("remote")


class WithFallback:
    """Satisfies predictor.Predictor. The first predictor is asked again as soon as it is ready."""

    def __init__(self, first: Predictor, second: Predictor, *, after_s: float, clock: Clock = SYSTEM) -> None:
        self.requires, self.produces, self.inflight = first.requires, first.produces, first.inflight
        self._first = first
        self._second = second
        self._after_ns = int(after_s * 1e9)
        self._clock = clock
        self._away_ns: int | None = None
        """Since when the first one gives no answers; scoring threads write it, the last one wins."""
        self._told = False

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> Prediction:
        """By the first, or, once it was away for long, by the second. Raises Unavailable, Closed, GaveUp."""
        if self._too_long() and not self._first.ready().ready:
            return self._second.predict(batch, call)
        try:
            prediction = self._first.predict(batch, call)
        except Unavailable as error:
            if self._away_ns is None:
                self._away_ns = self._clock.monotonic_ns()
            if not self._too_long():
                raise
            if not self._told:
                self._told = True
                _log.warning("fallback takes over", why=str(error))
            return self._second.predict(batch, call)
        if self._told:
            _log.info("servers answer again")
        self._away_ns, self._told = None, False
        return prediction

    def ready(self) -> Readiness:
        now = self._first.ready()
        return now if now.ready or not self._too_long() else self._second.ready()

    def close(self) -> None:
        self._first.close()
        self._second.close()

    def _too_long(self) -> bool:
        since_ns = self._away_ns
        return since_ns is not None and self._clock.monotonic_ns() - since_ns > self._after_ns


class DefaultPredictor:
    """The same answer for every row, stamped with version 0."""

    inflight = 1

    def __init__(self, requires: pa.Schema, produces: pa.Schema, values: Mapping[str, Any]) -> None:
        """Raises SettingsInvalid when an output has no value, or one of another type."""
        self.requires, self.produces = requires, produces
        self._scalars = [_scalar(field, values) for field in produces]

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> Prediction:
        rows = batch.num_rows
        outputs = [pa.array([value] * rows, field.type) for field, value in zip(self.produces, self._scalars, strict=True)]
        return Prediction(pa.RecordBatch.from_arrays(outputs, schema=self.produces), stamped(DEFAULT_VERSION, rows), 0, NONE)

    def ready(self) -> Readiness:
        return Readiness(True, "the default value of strategy.default")

    def close(self) -> None:
        """Nothing is held."""


class NoPredictor:
    """Ends the pipeline."""

    inflight = 1

    def __init__(self, requires: pa.Schema, produces: pa.Schema, after_s: float) -> None:
        self.requires, self.produces = requires, produces
        self._after_s = after_s

    def predict(self, batch: pa.RecordBatch, call: Call = Call()) -> Prediction:
        raise GaveUp(
            f"no server answered for strategy.fallback_s = {self._after_s:g}, and strategy.fallback is stop; what was written is committed"
        )

    def ready(self) -> Readiness:
        return Readiness(False, "the pipeline stops")

    def close(self) -> None:
        """Nothing is held."""


def _scalar(field: pa.Field, values: Mapping[str, Any]) -> Any:
    if field.name not in values:
        raise SettingsInvalid(f"strategy.default: the model gives {field.name} ({field.type}): {field.name} = … is missing")
    try:
        return pa.scalar(values[field.name], field.type).as_py()
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        raise SettingsInvalid(f"strategy.default.{field.name} = {values[field.name]!r}: expected {field.type}: {error}") from error
