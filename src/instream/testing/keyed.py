"""Keyed packages that need no machine learning library: the model of each key is y = k x + k, one number says all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from instream import golden
from instream.keyed.columns import outputs_of
from instream.keyed.linear import Linear
from instream.keyed.payload import Golden, encode
from instream.package import File, Keyed, Manifest, Package, Tolerance, Version, sha256_of
from instream.signature import Field, Signature
from instream.stores import Store

LINE = Linear(1, 1, "identity")
FEATURES = ("x",)
_MODEL = "model.safetensors"
_X = np.array([[-1.0], [0.5], [3.0]])


def line(k: float, *, scores: float | None = None) -> bytes:
    """Parameters of y = k x + k; with other `scores` of its golden row they contradict themselves."""
    tensors = {"coef": np.array([[k]], np.float64), "intercept": np.array([k], np.float64)}
    return encode(LINE, FEATURES, tensors, Golden(np.array([[1.0]]), np.array([[2 * k if scores is None else scores]])))


def line_package(folder: Path, *, key: Mapping[str, str], default: float | None = None, seed: int = 0, name: str = "delay") -> Package:
    """A keyed package in a folder that is made.

    Args:
        key: columns and their types.
        default: the number of the default model.
        seed: another one makes another digest.
    """
    own = 1.0 if default is None else default
    made = folder / f"{name}-{seed}-{default}-{'-'.join(key)}"
    made.mkdir(parents=True, exist_ok=True)
    (made / _MODEL).write_bytes(line(own))
    fields = (*(Field(column, kind, nullable=True) for column, kind in key.items()), Field("x", "float64"))
    signature = Signature(fields, outputs_of(1, None))
    inputs = [*(pa.nulls(len(_X), field.arrow.type) for field in fields[:-1]), pa.array(_X[:, 0])]
    outputs = pa.RecordBatch.from_arrays([pa.array(own * _X[:, 0] + own)], schema=signature.produces)
    kept = golden.write(made, pa.RecordBatch.from_arrays(inputs, schema=signature.requires), outputs, {"prediction": Tolerance()})
    names = (_MODEL, kept.inputs, kept.outputs)
    manifest = Manifest(
        name=name,
        signature=signature,
        steps=(),
        files=tuple(File(each, (made / each).stat().st_size, sha256_of(made / each)) for each in names),
        golden=kept,
        keyed=Keyed(tuple(key), FEATURES, msgspec.to_builtins(LINE), _MODEL, default is not None, 0, f"{seed}"),
    )
    return Package(manifest, made)


def published(store: Store, package: Package, numbers: Mapping[str, float]) -> Version:
    """Put parameters by canonical text, then the package."""
    store.parameters_of(package.manifest.digest).write({text: line(k) for text, k in numbers.items()})
    return store.put(package)
