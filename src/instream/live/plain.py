"""A model that is one for all rows, as what serves holds it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pyarrow as pa

from instream.failures import Code, failures_of
from instream.flow.bisect import isolate
from instream.flow.deadline import Deadline
from instream.predictor import Answered, LoadedModel, no_rows, one_batch
from instream.signature import Signature

_MESSAGE_CHARS_MAX = 500  # onnxruntime tells the whole graph's story; a dead letter needs its beginning


class PlainModel:
    """Satisfies live.serving.Model. A row that the model cannot take fails alone."""

    def __init__(self, model: LoadedModel, label: str) -> None:
        """`label`: who scores, for messages: `delay@3`."""
        self.signature: Signature = model.signature
        self.nbytes = model.nbytes
        self._model = model
        self._label = label

    def answer(self, batch: pa.RecordBatch, deadline: Deadline | None = None) -> Answered:
        """Outputs of the rows that go through."""
        rows = batch.num_rows
        bad: list[tuple[int, Code, str]] = []

        def score(start: int, length: int) -> pa.RecordBatch:
            outputs = self._model.score(batch if length == rows else batch.slice(start, length))
            assert outputs.num_rows == length, (outputs.num_rows, length)
            return outputs

        def blame(row: int, error: Exception) -> None:
            bad.append((row, Code.SCORE, f"{self._label}: {type(error).__name__}: {error}"[:_MESSAGE_CHARS_MAX]))

        parts = isolate(score, rows, blame)
        if len(parts) == 1 and parts[0][1] == rows:
            return Answered(parts[0][2])
        outputs = one_batch([part for _, _, part in parts]) if parts else no_rows(self.signature.produces)
        kept = [np.arange(start, start + length, dtype=np.int32) for start, length, _ in parts]
        return Answered(outputs, np.concatenate([np.empty(0, np.int32), *kept]), failures_of(bad))

    def at(self, revision: int, deadline: Deadline | None = None) -> AbstractContextManager[None]:
        """It has no keys, and never changes."""
        return nullcontext()

    def start(self) -> None:
        """Nothing is to be followed."""

    def hot(self) -> Sequence[str]:
        """It knows no keys."""
        return ()

    def close(self) -> None:
        """Nothing waits inside."""
