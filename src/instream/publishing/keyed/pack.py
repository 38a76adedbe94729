"""A keyed package: its manifest, the parameters that travel inside it, and rows which prove them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from instream import golden
from instream.compare import worst
from instream.errors import ConversionRefused
from instream.key import key_of
from instream.keyed.columns import answers_of, outputs_of, rows_of
from instream.keyed.link import Array
from instream.keyed.own import OwnModel
from instream.package import File, Keyed, Manifest, Package, Tolerance, sha256_of
from instream.publishing.build import provenance
from instream.publishing.keyed.fit import Target
from instream.publishing.keyed.inputs import Inputs
from instream.publishing.keyed.proof import Answered
from instream.signature import Field, Signature, schema_of

FILE = "model.safetensors"
_LIBRARIES = ("scikit-learn", "numpy")
_WHOLE_MAX = float(1 << 53)


@dataclass(frozen=True, slots=True)
class Own:
    """The model that travels inside the package.

    Attributes:
        default: whether it answers for keys that have none.
        kind: the class of the original.
        answered: rows that the original scored, and its scores with all classes.
    """

    default: bool
    kind: str
    payload: bytes
    answered: Answered


def pack(
    folder: Path,
    name: str,
    inputs: Inputs,
    target: Target,
    own: Own,
    payloads: Mapping[str, bytes],
    tolerance: Mapping[str, Tolerance],
    metrics: Mapping[str, float],
) -> Package:
    """Write a package into an empty folder.

    Raises:
        ConversionRefused: the type of a column of the key is not known, the original scored no row, or is not reproduced on
            those that will prove the package.
    """
    missing = bool(getattr(target.architecture, "missing", False))
    signature = Signature(inputs.fields(missing), outputs_of(target.architecture.width, target.classes))
    if not len(own.answered.rows):
        raise ConversionRefused("the original gives no finite answer for any row, so nothing would prove the package")
    (folder / FILE).write_bytes(own.payload)
    outputs = pa.RecordBatch.from_arrays(answers_of(own.answered.scores, signature.outputs), schema=signature.produces)
    kept = golden.write(folder, _golden_inputs(own.answered.rows, signature, inputs, payloads), outputs, tolerance)
    names = (FILE, kept.inputs, kept.outputs)
    manifest = Manifest(
        name=name,
        signature=signature,
        steps=(),
        files=tuple(File(each, (folder / each).stat().st_size, sha256_of(folder / each)) for each in names),
        golden=kept,
        provenance=provenance(own.kind, _LIBRARIES),
        metrics=dict(metrics),
        keyed=Keyed(
            key=inputs.key,
            features=inputs.names,
            architecture=msgspec.to_builtins(target.architecture),
            model=FILE,
            default=own.default,
            keys=len(payloads),
            digest=_digest(payloads),
        ),
    )
    package = Package(manifest, folder)
    inputs_read, outputs_read = golden.read(package)
    if (found := worst(outputs_read, OwnModel(package).score(inputs_read), tolerance)) is not None:
        raise ConversionRefused(f"its golden rows are not reproduced: {found}")
    return package


def representable(rows: Array, fields: Sequence[Field]) -> Array:
    """Rows near these whose values columns of these types can have; NaN stays."""
    columns = [_column(rows[:, at], field) for at, field in enumerate(fields)]
    return rows_of(columns)


def _column(values: Array, field: Field) -> pa.Array:
    type_ = field.arrow.type
    null = np.isnan(values)
    if pa.types.is_boolean(type_):
        return pa.array(values > 0, type_, mask=null)
    if pa.types.is_integer(type_):
        limits = np.iinfo(type_.to_pandas_dtype())
        whole = np.rint(np.where(null, 0, values)).clip(max(limits.min, -_WHOLE_MAX), min(limits.max, _WHOLE_MAX))
        return pa.array(whole.astype(type_.to_pandas_dtype()), type_, mask=null)
    with np.errstate(over="ignore"):
        return pa.array(values.astype(type_.to_pandas_dtype()), type_, mask=null)


def _golden_inputs(rows: Array, signature: Signature, inputs: Inputs, payloads: Mapping[str, bytes]) -> pa.RecordBatch:
    """Columns of the signature; the keys are real ones, though the package's own model scores every row."""
    columns: dict[str, pa.Array] = {}
    keys = [key_of(text) for text in islice(cycle(islice(payloads, len(rows))), len(rows))]
    for at, name in enumerate(inputs.key):
        columns[name] = pa.array([key[at] if at < len(key) else None for key in keys], signature.requires.field(name).type)
    fields = {field.name: field for field in signature.inputs}
    for at, name in enumerate(inputs.names):
        columns[name] = _column(rows[:, at], fields[name])
    return pa.RecordBatch.from_arrays([columns[field.name] for field in signature.inputs], schema=schema_of(signature.inputs))


def _digest(payloads: Mapping[str, bytes]) -> str:
    """SHA-256 over keys and parameters in the order of the keys, each with its length in front."""
    digest = hashlib.sha256()
    for text in payloads:
        for part in (text.encode(), payloads[text]):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()
