"""Put a package together: files, golden rows, provenance, manifest."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from instream import golden
from instream.formats.chain import installed
from instream.package import File, Manifest, Package, sha256_of
from instream.publish.features import FILE, Featured
from instream.publish.prove import Proof, Taken
from instream.signature import Signature

_WORST, _MADE = 32, 96


@dataclass(frozen=True, slots=True)
class Ingredients:
    """All that a package is made of.

    Attributes:
        sample_rows: how many rows of the proof are the sample's; those after them were made.
        libraries: whose versions are written down.
    """

    name: str
    signature: Signature
    proof: Proof
    sample_rows: int
    taken: Taken
    featured: Featured | None
    libraries: Sequence[str]
    model: str
    metrics: Mapping[str, float]


def build(given: Ingredients, folder: Path) -> Package:
    """Write a package into an empty folder."""
    for step in given.taken.steps:
        shutil.copyfile(given.taken.folder / step.file, folder / step.file)
    if given.featured:
        shutil.copyfile(given.featured.source, folder / FILE)
    rows = golden_rows(given.taken.comparison.excess, given.sample_rows, made=given.featured is None)
    inputs = given.featured.raw if given.featured else given.proof.inputs
    kept = golden.write(folder, inputs.take(rows), given.proof.outputs.take(rows), given.proof.tolerance)
    names = [*(step.file for step in given.taken.steps), *([FILE] if given.featured else []), kept.inputs, kept.outputs]
    manifest = Manifest(
        name=given.name,
        signature=given.signature,
        steps=given.taken.steps,
        files=tuple(File(name, (folder / name).stat().st_size, sha256_of(folder / name)) for name in names),
        golden=kept,
        features=given.featured.published() if given.featured else None,
        candidates=given.taken.candidates,
        provenance=provenance(given.model, given.libraries),
        metrics=dict(given.metrics),
    )
    return Package(manifest, folder)


def provenance(model: str, libraries: Sequence[str]) -> dict[str, str]:
    """What the model was and which versions scored the golden rows."""
    versions = {library: installed(library) for library in ("python", "instream", *libraries)}
    return {"model": model} | {library: version for library, version in versions.items() if version != "none"}


def golden_rows(excess: npt.NDArray[np.float64], sample_rows: int, *, made: bool) -> pa.Array:
    """At most 256 rows: the worst, some of those that were made where they may be kept, and the sample, evenly."""
    eligible = len(excess) if made else sample_rows
    chosen = set(np.argsort(-excess[:eligible], kind="stable")[:_WORST].tolist())
    chosen |= set(_evenly(sample_rows, eligible, _MADE))
    chosen |= set(_evenly(0, sample_rows, golden.ROWS_MAX - len(chosen)))
    return pa.array(sorted(chosen), pa.int64())


def _evenly(first: int, end: int, count: int) -> list[int]:
    if end <= first or count <= 0:
        return []
    rows: list[int] = np.unique(np.linspace(first, end - 1, min(count, end - first)).astype(np.int64)).tolist()
    return rows
