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
from instream.lists import items
from instream.package import File, Manifest, Package, sha256_of
from instream.publishing.features import FILE, Featured
from instream.publishing.prove import Proof, Taken
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
    eligible = len(given.taken.comparison.excess) if given.featured is None else given.sample_rows
    kept_rows = np.flatnonzero(finite(given.proof.outputs)[:eligible])
    rows = golden_rows(given.taken.comparison.excess, kept_rows, given.sample_rows)
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


def finite(outputs: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    """Rows for which the original gave numbers: others fail wherever they are scored, and so prove nothing."""
    well = np.ones(outputs.num_rows, bool)
    for column in outputs.columns:
        flat = items(column) if pa.types.is_fixed_size_list(column.type) else column
        if pa.types.is_floating(flat.type):
            well &= np.isfinite(flat.to_numpy(zero_copy_only=False)).reshape(outputs.num_rows, -1).all(axis=1)
    return well


def golden_rows(excess: npt.NDArray[np.float64], eligible: npt.NDArray[np.int64], sample_rows: int) -> pa.Array:
    """At most 256 of the eligible rows: the worst, some of those that were made, and the sample, evenly."""
    own, made = eligible[eligible < sample_rows], eligible[eligible >= sample_rows]
    chosen = set(eligible[np.argsort(-excess[eligible], kind="stable")[:_WORST]].tolist())
    chosen |= set(_evenly(made, _MADE))
    chosen |= set(_evenly(own, golden.ROWS_MAX - len(chosen)))
    return pa.array(sorted(chosen), pa.int64())


def _evenly(rows: npt.NDArray[np.int64], count: int) -> list[int]:
    if not len(rows) or count <= 0:
        return []
    places = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64))
    return [int(row) for row in rows[places]]
