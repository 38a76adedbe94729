"""Bring a version into memory and prove it, before anything is scored with it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pyarrow as pa

from instream import golden
from instream.compare import worst
from instream.features import FeatureStep, from_package
from instream.formats import load, proved_with
from instream.head import Revision
from instream.keyed import KeyedLimits, KeyedModel, OwnModel
from instream.live.memory import give_back, need_of
from instream.live.plain import PlainModel
from instream.live.refusal import Reason, Refused
from instream.live.rules import Rules
from instream.live.score import columns, outcome_of
from instream.live.serving import Model, Serving, required_by
from instream.package import Manifest, Package, Version
from instream.signature import schema_of
from instream.stores import Store


@dataclass(frozen=True, slots=True)
class Limits:
    """What a version may take.

    Attributes:
        memory: bytes for the models of this process, with a swap under way.
        load_s: to fetch, load and prove it.
        golden_s: to score its golden rows once.
        keyed: what the parameters of a keyed package may take, and how old they may be.
    """

    memory: int = 1 << 30
    load_s: float = 120.0
    golden_s: float = 5.0
    keyed: KeyedLimits = field(default_factory=KeyedLimits)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version to prepare, and what it must keep to.

    Attributes:
        head: the revision that names it; 0 when pinned.
        beside: what serves meanwhile.
    """

    name: str
    head: Revision
    version: Version
    rules: Rules
    limits: Limits
    beside: Serving | None


def prepare(store: Store, wanted: Wanted) -> tuple[Serving, Manifest]:
    """Fetch, check, load, warm and prove a version.

    The store compares every file with its digest as it opens a package, so that is not done again here.

    Raises:
        Refused, or whatever store, format and feature step raise; see `refusal.translated`.
    """
    manifest = store.manifest(wanted.name, wanted.version)
    wanted.rules.check(manifest)
    package = store.open(wanted.name, wanted.version)
    held = _room_for(package, wanted)
    try:
        own = PlainModel(OwnModel(package) if manifest.keyed else load(package), f"{wanted.name}@{wanted.version}")
        features = from_package(package) if wanted.rules.features == "package" else None
        _prove(package, own, features or _local(wanted.rules, manifest), wanted)
    finally:
        give_back()
    model = _keyed(store, package, wanted) if manifest.keyed else own
    nbytes = max(held, model.nbytes)
    produces = schema_of(wanted.rules.produces or manifest.signature.outputs)
    requires = required_by(manifest, wanted.rules.features)
    return Serving(wanted.name, wanted.head, wanted.version, model, features, requires, produces, nbytes), manifest


def _keyed(store: Store, package: Package, wanted: Wanted) -> KeyedModel:
    """With the keys that are used now, or were by those who ran before: the first batches need not wait for them."""
    hot = wanted.beside.model.hot() if wanted.beside else store.hot_keys(wanted.name)
    source = store.parameters(wanted.name, wanted.version)
    return KeyedModel(package, source, wanted.limits.keyed, label=f"{wanted.name}@{wanted.version}", hot=hot)


def _room_for(package: Package, wanted: Wanted) -> int:
    need = need_of(package, wanted.limits.keyed.cache)
    beside = wanted.beside.nbytes if wanted.beside else 0
    if need.peak + beside > wanted.limits.memory:
        with_it = f" beside {beside:,} of the version that serves" if beside else ""
        raise Refused(
            Reason.TOO_LARGE,
            f"loading it takes about {need.peak:,} bytes{with_it}, and limits.memory = {wanted.limits.memory:,}: raise limits.memory",
        )
    return need.held


def _local(rules: Rules, manifest: Manifest) -> FeatureStep | None:
    """The pipeline's own step, where the golden rows are raw fields; the rules saw that it is the published one."""
    return rules.features if isinstance(rules.features, FeatureStep) and manifest.features else None


def _prove(package: Package, model: Model, features: FeatureStep | None, wanted: Wanted) -> None:
    """Reproduce the golden rows, which also warms the model; then score them once more by the clock."""
    inputs, expected = golden.read(package)
    manifest = package.manifest
    raw = columns(inputs, schema_of(manifest.requires))
    outputs, failures = outcome_of(model, features, raw)
    for row, message in zip(failures.rows.tolist(), failures.messages, strict=True):
        if not _null(expected, row):
            raise Refused(Reason.GOLDEN, _sentences(f"golden row {row} cannot be scored: {message}", proved_with(manifest)))
    if mismatch := worst(expected, columns(outputs, expected.schema), manifest.golden.tolerance):
        raise Refused(Reason.GOLDEN, _sentences(f"golden {mismatch}", proved_with(manifest)))
    started = time.monotonic()
    outcome_of(model, features, raw)
    if (took := time.monotonic() - started) > wanted.limits.golden_s:
        raise Refused(
            Reason.SLOW,
            f"its {raw.num_rows} golden rows took {took:.2f} s to score, and strategy.golden_s = {wanted.limits.golden_s:g}: "
            "use a lighter model, or raise the limit",
        )


def _null(expected: pa.RecordBatch, row: int) -> bool:
    return all(not column[row].is_valid for column in expected.columns)


def _sentences(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
