"""Packages that need no machine learning library: for tests of whatever keeps or moves packages."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from instream.package import File, Golden, Manifest, Package, Step, Tolerance
from instream.signature import Signature, fields_of

_X = np.arange(3.0)


def tiny_package(folder: Path, name: str = "delay", *, weight: float = 2.0, padding: bytes = b"") -> Package:
    """A package whose model would be y = weight * x, in a folder that is made.

    Args:
        folder: a new folder is made inside.
        weight: another one makes another digest.
        padding: appended to the model's file, to make it large.
    """
    inputs, outputs = _batch("x", _X), _batch("y", weight * _X)
    contents = {"model.tiny": repr(weight).encode() + b"\n" + padding, "inputs.arrow": _ipc(inputs), "outputs.arrow": _ipc(outputs)}
    files = tuple(File(file, len(content), hashlib.sha256(content).hexdigest()) for file, content in contents.items())
    manifest = Manifest(
        name=name,
        signature=Signature(fields_of(inputs.schema), fields_of(outputs.schema)),
        steps=(Step("tiny", "model.tiny", {"x": ("x",)}, {"y": "y"}),),
        files=files,
        golden=Golden("inputs.arrow", "outputs.arrow", inputs.num_rows, {"y": Tolerance()}),
    )
    made = folder / f"{name}-{manifest.digest[:16]}"
    made.mkdir(parents=True, exist_ok=True)
    for file, content in contents.items():
        (made / file).write_bytes(content)
    return Package(manifest, made)


def _batch(name: str, values: npt.NDArray[np.float64]) -> pa.RecordBatch:
    # from buffers: `pa.array` would import pandas, a second of each process that a test starts
    return pa.RecordBatch.from_arrays([pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(values)])], [name])


def _ipc(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())
