"""A package in memory: its steps, one after the other. Each reads columns of the batch or of an earlier step."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from instream.errors import PackageError
from instream.formats import columns as convert
from instream.formats.protocol import StepModel, Value
from instream.formats.registry import LIBRARIES, loader
from instream.package import Manifest, Package, Step
from instream.signature import Field, Signature

CLOSED = "closed"
"""Step option: inputs whose values must be among the signature's categories, since the original refuses others."""


class Chain:
    """Satisfies LoadedModel."""

    def __init__(self, signature: Signature, steps: Sequence[StepModel], closed: Mapping[str, pa.Array]) -> None:
        self.signature = signature
        self.nbytes = sum(step.nbytes for step in steps)
        self._steps = tuple(steps)
        self._closed = closed
        self._inputs = tuple(field.name for field in signature.inputs)
        self._produces = signature.produces
        self._outputs = tuple(zip(self._produces.names, self._produces.types, strict=True))

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Outputs for a batch that has `signature.requires`.

        Raises:
            ValueError: a value that the model cannot take; names row and column.
        """
        rows = batch.num_rows
        if not rows:
            return pa.RecordBatch.from_pylist([], schema=self._produces)
        values: dict[str, Value] = {name: batch.column(name) for name in self._inputs}
        for name, known in self._closed.items():
            _check_known(name, values[name], known)
        for step in self._steps:
            values.update(step.run(values, rows))
        arrays = [convert.arrow(values[name], name, kind, rows) for name, kind in self._outputs]
        return pa.RecordBatch.from_arrays(arrays, schema=self._produces)


def load(package: Package) -> Chain:
    """Bring a package into memory. It is neither digest-checked nor proved here.

    Raises:
        PackageError: steps and signature do not fit together, or a file cannot be read.
        MissingExtra: a library is not installed.
    """
    manifest = package.manifest
    paths = {step.file: package.path(step.file) for step in manifest.steps}
    try:
        return load_chain(manifest.signature, manifest.steps, paths)
    except PackageError as error:
        raise type(error)(f"{manifest.name}: {error}") from error


def load_chain(signature: Signature, steps: Sequence[Step], paths: Mapping[str, Path]) -> Chain:
    """The same from the parts of a package that need not exist yet."""
    check_wiring(signature, steps)
    fields = {field.name: field for field in signature.inputs}
    closed = {name: known_values(fields[name]) for step in steps for name in _names(step.options.get(CLOSED, ()))}
    return Chain(signature, [loader(step.format)(paths[step.file], step, signature) for step in steps], closed)


def check_wiring(signature: Signature, steps: Sequence[Step]) -> None:
    """Each step reads what is there before it, and at the end every output is there. Raises PackageError."""
    known = {field.name for field in signature.inputs}
    for step in steps:
        for name in [*(name for names in step.inputs.values() for name in names), *_names(step.options.get(CLOSED, ()))]:
            if name not in known:
                raise PackageError(f"step {step.file} reads {name!r}, which is neither an input nor given by an earlier step")
        known |= set(step.outputs.values())
    if absent := [field.name for field in signature.outputs if field.name not in known]:
        raise PackageError(f"no step gives the output {', '.join(absent)}")


def known_values(field: Field) -> pa.Array:
    """The categories of an input as an Arrow array of its own type."""
    return pa.array(field.categories or (), field.arrow.type)


def proved_with(manifest: Manifest) -> str:
    """For messages: which libraries scored the golden rows at publish, where others are installed here.

    Returns:
        Such as `proved with onnxruntime 1.31.0, here 1.29.1: install 1.31.0`; empty when all are the same.
    """
    parts = []
    for library in dict.fromkeys(LIBRARIES[step.format] for step in manifest.steps if step.format in LIBRARIES):
        there, here = manifest.provenance.get(library, "an unknown version"), installed(library)
        if there != here:
            parts.append(f"proved with {library} {there}, here {here}: install {there}")
    return "; ".join(parts)


def installed(library: str) -> str:
    """The version of a library in this environment; `python` for the interpreter, `none` where it is absent."""
    if library == "python":
        return platform.python_version()
    for name in (library, f"{library}-cpu", f"{library}-gpu"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "none"


def _names(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _check_known(name: str, column: Value, known: pa.Array) -> None:
    valid = np.asarray(pc.is_in(column, value_set=known)) | np.asarray(pc.is_null(column))
    if not valid.all():
        row = int(valid.argmin())
        raise ValueError(f"row {row}, {name}: {column[row].as_py()!r} was not known at training, and the original has no answer for it")
