"""What a swap costs those who score meanwhile: next to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from instream.predictor import Predictor
from instream.stores import Store
from instream.testing.models import linear_package, onnx_package, slow_to_load
from instream.testing.predictors.fixtures import PredictorFixtures, Start, follows, promoted

_ROWS = 1_000
_GAP_S = 0.050
_SHARE = 0.8
_ALONE_S = 4.0
_ATTEMPTS = 6  # other work on the machine takes time too: a swap is to blame for what happens in every attempt


@dataclass(frozen=True, slots=True)
class Scored:
    """Ends of scored batches, seconds on the monotonic clock, in order."""

    ends: npt.NDArray[np.float64]

    @property
    def gap_s(self) -> float:
        return float(np.diff(self.ends).max())

    @property
    def seconds(self) -> float:
        return float(self.ends[-1] - self.ends[0])

    @property
    def rate(self) -> float:
        return (len(self.ends) - 1) * _ROWS / self.seconds


def score_while(predictor: Predictor, going: Callable[[], bool]) -> Scored:
    """Score batches one after the other, without a pause."""
    batch = pa.RecordBatch.from_pydict({"x": np.arange(_ROWS, dtype=np.float64)})
    ends: list[float] = []
    while going() or len(ends) < 2:
        predictor.predict(batch)
        ends.append(time.monotonic())
    return Scored(np.array(ends))


class GapLaws(PredictorFixtures):
    """Law 4: everything happens in the background; then one assignment."""

    @pytest.mark.slow
    @pytest.mark.alone
    @pytest.mark.timeout(900)  # seconds of a core, on a machine that may be busy with other things
    def test_a_swap_to_a_model_that_loads_for_seconds(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 4: no gap over 50 ms between scored batches, and at least 0.8 of the records of as many seconds without a swap."""
        fast = store.put(linear_package(tmp_path, 2.0))
        slow = store.put(onnx_package(tmp_path, slow_to_load(3.0, 30_000)))
        predictor = start(strategy={"load_s": 600})
        found = []
        for _ in range(_ATTEMPTS):
            alone = score_while(predictor, _for(_ALONE_S))
            swapping = _through_swap(predictor, store, slow)
            found.append((swapping.seconds, swapping.gap_s, alone.gap_s, swapping.rate / alone.rate))
            _through_swap(predictor, store, fast)
            if swapping.gap_s <= max(_GAP_S, alone.gap_s) and swapping.rate >= _SHARE * alone.rate:
                return
        lines = [f"{s:.1f} s to swap, gap {gap * 1e3:.0f} ms (alone {calm * 1e3:.0f}), rate {share:.2f}" for s, gap, calm, share in found]
        pytest.fail("\n".join(["every swap made a gap over 50 ms, or cost more than a fifth of the records:", *lines]))


def _for(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end


def _through_swap(predictor: Predictor, store: Store, version: int) -> Scored:
    """Score from a promotion until a little after it is in force."""
    in_force = follows(predictor, promoted(store, version))  # type: ignore[arg-type]
    after = 0.0

    def going() -> bool:
        nonlocal after
        assert not (refused := predictor.ready().refused), refused
        if not after and in_force():
            after = time.monotonic() + 0.2
        return not after or time.monotonic() < after

    return score_while(predictor, going)
