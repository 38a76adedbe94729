"""A package: one immutable model, what it is made of, and the proof that it still is what it was."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NewType

import msgspec

from instream.errors import PackageCorrupt, PackageError
from instream.signature import Field, Signature

Version = NewType("Version", int)
"""Of a package in a store; from 1. A package does not know its own."""

FORMAT = 1
MANIFEST_BYTES_MAX = 16 << 20


class File(msgspec.Struct, frozen=True):
    """One file of a package; `sha256` is in hexadecimal."""

    name: str
    bytes: int
    sha256: str


class Step(msgspec.Struct, frozen=True):
    """One link of the chain: a file in some format, what it reads and what it gives.

    Attributes:
        format: a key of the format registry, such as `onnx`.
        file: the name of a file of the package.
        inputs: for each input of the step's model, the columns that make it (several are packed, in order).
        outputs: for each output of the step's model that is used, the column that it becomes.
        options: what the format's loader needs besides.
    """

    format: str
    file: str
    inputs: Mapping[str, tuple[str, ...]]
    outputs: Mapping[str, str]
    options: Mapping[str, str | int | float | bool | tuple[str, ...]] = {}


class Tolerance(msgspec.Struct, frozen=True):
    """Two values are equal when |a-b| <= atol + rtol * |b|; b is the original's."""

    atol: float = 1e-5
    rtol: float = 1e-5

    def allowed(self, original: Any) -> Any:
        """The largest |a-b|, for a number b or an array of them."""
        return self.atol + self.rtol * abs(original)


class Golden(msgspec.Struct, frozen=True):
    """Rows that the original framework scored: two Arrow IPC files, aligned, and a tolerance for each output."""

    inputs: str
    outputs: str
    rows: int
    tolerance: Mapping[str, Tolerance]


class FeatureSource(msgspec.Struct, frozen=True):
    """A feature step that travels with its model.

    Attributes:
        file: the Python source, a file of the package.
        function: its name in that source.
        inputs: the raw fields that it reads.
    """

    file: str
    function: str
    inputs: tuple[Field, ...]


class Candidate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A conversion that was tried at publish, in order; `worst_error` is the largest |a-b| over the proof set."""

    chain: str
    passed: bool
    worst_error: float | None = None
    reason: str = ""


class Keyed(msgspec.Struct, frozen=True):
    """What makes a package keyed: a light model for each key, whose parameters are kept by the store, beside the package.

    Attributes:
        key: inputs that make the key, in order. A key may have fewer columns, those from the first on.
        features: inputs that make a row of numbers, in order.
        architecture: of every key's model, as `instream.keyed.architecture` reads it.
        model: a file of the package, the parameters that scored the golden rows.
        default: whether they also answer for keys that have none.
        keys: how many had parameters when it was published.
        digest: SHA-256 over those keys and their parameters, so that a retrained model is another package.
    """

    key: tuple[str, ...]
    features: tuple[str, ...]
    architecture: Mapping[str, Any]
    model: str
    default: bool
    keys: int
    digest: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a package is. Its canonical JSON is what the package's digest is taken of."""

    format: int = FORMAT
    name: str
    signature: Signature
    steps: tuple[Step, ...]
    files: tuple[File, ...]
    golden: Golden
    features: FeatureSource | None = None
    candidates: tuple[Candidate, ...] = ()
    provenance: Mapping[str, str] = {}
    metrics: Mapping[str, float] = {}
    keyed: Keyed | msgspec.UnsetType = msgspec.UNSET  # absent from the JSON of all others, whose digests are older than it

    @property
    def requires(self) -> tuple[Field, ...]:
        """The fields that a record must have: the feature step's where it travels along, else the model's."""
        return self.features.inputs if self.features else self.signature.inputs

    def encoded(self) -> bytes:
        """Canonical JSON: one text for one manifest, in every store."""
        return msgspec.json.encode(self, order="deterministic")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, which holds the digest of every file."""
        return hashlib.sha256(self.encoded()).hexdigest()


class Package(msgspec.Struct, frozen=True, weakref=True):
    """A manifest and where its files lie on this machine."""

    manifest: Manifest
    folder: Path

    def path(self, name: str) -> Path:
        """Where a file of the package lies. Raises PackageError for a name that the manifest does not list."""
        if not any(file.name == name for file in self.manifest.files):
            raise PackageError(f"{self.manifest.name}: the manifest lists no file {name!r}")
        return self.folder / name

    def verify(self) -> None:
        """Compare every file with its size and digest. Raises PackageCorrupt, naming the file."""
        for file in self.manifest.files:
            path = self.folder / file.name
            if not path.is_file() or path.stat().st_size != file.bytes:
                raise PackageCorrupt(f"{self.manifest.name}: {file.name} is absent or not {file.bytes} bytes long; publish again")
            if (found := sha256_of(path)) != file.sha256:
                raise PackageCorrupt(
                    f"{self.manifest.name}: {file.name} has digest {found[:12]}, the manifest says {file.sha256[:12]}; "
                    "the bytes were changed after publishing: publish again"
                )


def manifest_from(encoded: bytes) -> Manifest:
    """Read a manifest. Raises PackageError for an unknown format or a broken one."""
    if len(encoded) > MANIFEST_BYTES_MAX:
        raise PackageError(f"manifest of {len(encoded):,} bytes: at most {MANIFEST_BYTES_MAX:,} are read")
    try:
        manifest = msgspec.json.decode(encoded, type=Manifest)
    except msgspec.MsgspecError as error:
        raise PackageError(f"the manifest cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise PackageError(f"manifest format {manifest.format}: this instream reads format {FORMAT}; upgrade it")
    for file in manifest.files:
        if Path(file.name).name != file.name or file.name in ("", ".", ".."):
            raise PackageError(f"the manifest lists the file {file.name!r}: a plain name was expected")
    return manifest


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, without reading it whole."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
