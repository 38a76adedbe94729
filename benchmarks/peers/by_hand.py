"""What a careful job by hand does with a batch; a module of its own, since engines send what is in `__main__` piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import msgspec
import numpy as np
import onnxruntime


class Record(msgspec.Struct, gc=False):
    """What a record has."""

    id: str
    x0: float
    x1: float
    x2: float
    x3: float
    x4: float
    x5: float
    x6: float
    x7: float


_decode = msgspec.json.Decoder(Record).decode


@cache  # of each process: a Python worker of Spark is kept for the next batch
def session_of(model: str) -> onnxruntime.InferenceSession:
    """One thread: the engine has the parallelism."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options)


def scored(model: str, values: Iterable[bytes]) -> list[bytes]:
    """Decode, score and encode by columns."""
    records = list(map(_decode, values))
    rows = np.array([[r.x0, r.x1, r.x2, r.x3, r.x4, r.x5, r.x6, r.x7] for r in records], np.float32)
    answers = session_of(model).run(None, {"x": rows})[0][:, 0].tolist()
    return [b'{"id":"%s","prediction":%r,"version":1}' % (r.id.encode(), y) for r, y in zip(records, answers, strict=True)]
