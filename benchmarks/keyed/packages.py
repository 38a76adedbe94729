"""A bank as a keyed package, put into a store with the parameters of its keys."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from benchmarks.keyed.banks import KEY, Bank
from instream import golden
from instream.keyed.columns import outputs_of
from instream.keyed.payload import decode
from instream.package import File, Keyed, Manifest, Package, Tolerance, sha256_of
from instream.signature import Field, Signature
from instream.stores import Store
from instream.stores.parameters import Parameters

_MODEL = "model.safetensors"


def package(bank: Bank, folder: Path, name: str) -> Package:
    """Made in a folder that is made; its own parameters are those of the first key."""
    folder.mkdir(parents=True, exist_ok=True)
    payload = bank.payload(0)
    (folder / _MODEL).write_bytes(payload)
    own = decode(payload, bank.architecture, bank.features).golden
    fields = (Field(KEY, "string", nullable=True), *(Field(feature, "float64") for feature in bank.features))
    signature = Signature(fields, outputs_of(1, None))
    inputs = [pa.array([bank.keys[0]] * len(own.inputs)), *(pa.array(column) for column in np.ascontiguousarray(own.inputs.T))]
    kept = golden.write(
        folder,
        pa.RecordBatch.from_arrays(inputs, schema=signature.requires),
        pa.RecordBatch.from_arrays([pa.array(own.scores[:, 0])], schema=signature.produces),
        {"prediction": Tolerance()},
    )
    manifest = Manifest(
        name=name,
        signature=signature,
        steps=(),
        files=tuple(File(each, (folder / each).stat().st_size, sha256_of(folder / each)) for each in (_MODEL, kept.inputs, kept.outputs)),
        golden=kept,
        keyed=Keyed((KEY,), bank.features, msgspec.to_builtins(bank.architecture), _MODEL, False, bank.count, bank.name),
    )
    return Package(manifest, folder)


def filled(bank: Bank, store: Store, made: Package) -> Parameters:
    """The parameters of all keys of a package, after they were written."""
    parameters = store.parameters_of(made.manifest.digest)
    parameters.write(bank.payloads())
    return parameters
