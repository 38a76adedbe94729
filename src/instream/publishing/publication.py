"""Publish a model: sample, original, candidates, proof, package, store."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from instream.errors import ConversionRefused, SettingsInvalid
from instream.flow.bisect import isolate
from instream.package import Manifest, Package, Step, Tolerance, Version
from instream.publishing.build import Ingredients, build
from instream.publishing.features import Featured, apply_features
from instream.publishing.files import read_model
from instream.publishing.invented import invented_rows
from instream.publishing.original import Conversion, Original, original_of
from instream.publishing.proofset import proof_rows
from instream.publishing.prove import Proof, prove
from instream.publishing.sample import Sample, sample_of
from instream.publishing.signature import Described, describe
from instream.settings import NAME
from instream.signature import Signature
from instream.stores import open_for_publishing
from instream.stores.default import store_url


class Putting(Protocol):
    """What publishing asks of a store."""

    def put(self, package: Package) -> Version: ...


@dataclass(frozen=True, slots=True)
class Published:
    """What was published, under which version.

    Attributes:
        us_per_row: what scoring costs on this machine, in batches of 1,000; not part of the package, so that the same
            model published twice is one version.
    """

    name: str
    version: Version
    digest: str
    manifest: Manifest
    us_per_row: float

    def __str__(self) -> str:
        taken = self.manifest.candidates[-1]
        return f"{self.name}@{self.version}: {taken.chain}, worst error {taken.worst_error:.2g}, {self.us_per_row:g} µs a row"


def publish(
    model: Any,
    *,
    name: str,
    sample: Any = None,
    store: Putting | str | None = None,
    features: str | None = None,
    metrics: Mapping[str, float] | None = None,
    tolerance: Mapping[str, Tolerance] | Tolerance | None = None,
    trust: Sequence[str] = (),
) -> Published:
    """Convert a model, prove that the conversion equals it, and put it into a store.

    Args:
        model: a fitted scikit-learn estimator or pipeline, a LightGBM or XGBoost model, an ONNX ModelProto, or the path
            of one: .skops, .joblib, .pkl, .txt (LightGBM), .json or .ubj (XGBoost), .onnx.
        sample: rows like those to come; a few thousand are plenty. They give names and types, and the proof. An .onnx file
            says itself what it reads, and can do without.
        store: a store, its URL, or None for $INSTREAM_STORE, else sqlite:///instream.db.
        features: `file.py:function`; published along, and then the sample has the raw fields.
        metrics: figures to keep with the version, such as {"log_loss": 0.41}.
        tolerance: of each output, or of all; 1e-5 absolute and relative where none is given.
        trust: types that a .skops file or a custom estimator may load, such as `mine.Clip`; `pickle` allows .joblib and .pkl.
    Raises:
        ConversionRefused: nothing reproduces the model on the sample; shows the worst row of each candidate.
        UntrustedModel: reading it could run code, and `trust` does not say that it may.
        StoreError: the store refused it.
    """
    require_name(name)
    target = open_for_publishing(store_url(store)) if store is None or isinstance(store, str) else store
    rows = sample_of(invented_rows(model) if sample is None else sample)
    featured = apply_features(features, rows, Path()) if features else None
    original = original_of(read_model(model, trust), featured.sample if featured else rows, trust)
    with tempfile.TemporaryDirectory(prefix="instream-publish-") as text:
        given = featured.narrowed(original.inputs) if featured else rows
        package, us_per_row = make_package(original, name, given, Path(text), tolerance, metrics or {})
        version = target.put(package)
    return Published(name, version, package.manifest.digest, package.manifest, us_per_row)


def require_name(name: str) -> None:
    """Raises SettingsInvalid."""
    if not re.fullmatch(NAME, name):
        raise SettingsInvalid(f"name = {name!r}: letters, digits, '.', '_' and '-' were expected, at most 100, a letter or digit first")


def make_package(
    original: Original,
    name: str,
    given: Sample | Featured,
    folder: Path,
    tolerance: Mapping[str, Tolerance] | Tolerance | None,
    metrics: Mapping[str, float],
) -> tuple[Package, float]:
    """Prove a model and build its package in a folder; also its cost, µs a row. Raises ConversionRefused."""
    sample = given.sample if isinstance(given, Featured) else given
    described = describe(original, sample)
    rows = sample.batch.select([field.name for field in described.signature.inputs])
    proof = _proof(original, described, rows, tolerances(described.signature, tolerance))
    conversions = _allowed(original.conversions(described.signature, described.closed), described.opaque)
    taken = prove(conversions, described.signature, proof, folder)
    place = folder / "package"
    place.mkdir()
    featured = given if isinstance(given, Featured) else None
    given_to = Ingredients(name, described.signature, proof, rows.num_rows, taken, featured, original.libraries, original.kind, metrics)
    return build(given_to, place), taken.us_per_row


def _proof(original: Original, described: Described, rows: pa.RecordBatch, tolerance: Mapping[str, Tolerance]) -> Proof:
    """Score the proof set by the original; rows that were made and that it refuses are left out."""
    try:
        borders = original.borders(rows)
        made = proof_rows(rows, described.signature.inputs, borders, described.closed + described.opaque)
        own = original.score(rows)
    except Exception as error:  # whatever the framework raises about the user's rows
        raise ConversionRefused(f"the model cannot score the sample: {type(error).__name__}: {error}") from error
    scored = isolate(lambda start, length: original.score(made.slice(start, length)), made.num_rows, lambda row, error: None)
    inputs = [rows, *(made.slice(start, length) for start, length, _ in scored)]
    outputs = [own, *(each for _, _, each in scored)]
    return Proof(_joined(inputs), _joined(outputs), tolerance)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def tolerances(signature: Signature, given: Mapping[str, Tolerance] | Tolerance | None) -> dict[str, Tolerance]:
    """One for each output, fixed before anything is converted."""
    if isinstance(given, Tolerance):
        return {field.name: given for field in signature.outputs}
    if unknown := set(given or {}) - {field.name for field in signature.outputs}:
        outputs = ", ".join(field.name for field in signature.outputs)
        raise SettingsInvalid(f"tolerance for {', '.join(sorted(unknown))}: no such output; the model gives {outputs}")
    return {field.name: (given or {}).get(field.name, Tolerance()) for field in signature.outputs}


def _allowed(conversions: Iterable[Conversion], opaque: Sequence[str]) -> Iterator[Conversion]:
    """Where only the original knows which values it refuses, only its own code is a candidate."""
    for conversion in conversions:
        if not opaque or conversion.exact:
            yield conversion
            continue

        def refuse(folder: Path) -> tuple[Step, ...]:
            raise ConversionRefused(f"the original refuses unseen values of {', '.join(opaque)} and does not say which it knows")

        yield Conversion(conversion.chain, refuse)
