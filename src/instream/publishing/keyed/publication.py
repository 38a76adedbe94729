"""Publish one light model for each key: prove each while it is at hand, fit them to one architecture, write them all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from instream.compare import PROBABILITIES
from instream.errors import ConversionRefused, MissingExtra, SettingsInvalid
from instream.keyed.columns import LABEL, PREDICTION
from instream.package import Manifest, Package, Tolerance, Version
from instream.publishing.keyed.fit import Target, answers_in, fit
from instream.publishing.keyed.inputs import Inputs
from instream.publishing.keyed.pack import Own, pack
from instream.publishing.keyed.spool import DEFAULT, Payloads, Spool
from instream.publishing.publication import require_name
from instream.publishing.sample import sample_of
from instream.stores import Store, open_for_publishing
from instream.stores.default import store_url

if TYPE_CHECKING:
    from instream.publishing.keyed.first import FirstPass

Progress = Callable[[int, int | None, str], None]
"""Told how many keys are done, of how many (None where nobody knows), and what: `proved`, `fitted`, `written`."""

Tolerances = Mapping[str, Tolerance] | Tolerance | None


@dataclass(frozen=True, slots=True)
class PublishedKeyed:
    """What was published, under which version.

    Attributes:
        keys: how many have parameters.
        worst_error: the largest |a-b| over all keys and rows of the proof; not part of the package.
    """

    name: str
    version: Version
    digest: str
    manifest: Manifest
    keys: int
    worst_error: float

    def __str__(self) -> str:
        kind = "" if isinstance(self.manifest.keyed, msgspec.UnsetType) else f" {self.manifest.keyed.architecture['type']}"
        return f"{self.name}@{self.version}:{kind} models of {self.keys:,} keys, worst error {self.worst_error:.2g}"


def publish_keyed(
    estimators: Mapping[Any, Any] | Iterable[tuple[Any, Any]],
    *,
    name: str,
    key: Sequence[str],
    default: Any = None,
    sample: Any = None,
    store: Store | str | None = None,
    metrics: Mapping[str, float] | None = None,
    tolerance: Tolerances = None,
    progress: Progress | None = None,
) -> PublishedKeyed:
    """Prove one light model for each key against its original, and put all of them into a store as one version.

    Args:
        estimators: fitted scikit-learn estimators by key; also an iterator of (key, estimator), of which one at a time is
            in memory. A key is a tuple of texts, whole numbers, booleans or None, or a bare value where there is one
            column. A key of fewer columns, from the first on, answers for keys that have no model of their own.
        key: names of the key's columns.
        default: an estimator for keys that have none.
        sample: rows like those to come, as `publish` takes them. They give types and names, and a proof that is nearer to life.
        store: a store, its URL, or None for $INSTREAM_STORE, else sqlite:///instream.db.
        metrics: figures to keep with the version.
        tolerance: of each output, or of all; 1e-5 absolute and relative where none is given.
        progress: told how far it is.
    Raises:
        ConversionRefused: the estimator of some key is not reproduced, or does not fit the others; names the key. Nothing is
            published then.
        StoreError: the store refused it, or keeps no parameters.
    """
    require_name(name)
    tell = progress or (lambda done, total, what: None)
    allowed = _tolerance(tolerance)
    target = open_for_publishing(store_url(store)) if store is None or isinstance(store, str) else store
    target.parameters_of(DEFAULT)  # a store that keeps none says so now, not after hours of fitting
    rows = None if sample is None else sample_of(sample).batch
    inputs = Inputs(key, rows)
    with tempfile.TemporaryDirectory(prefix="instream-publish-") as text:
        folder = Path(text)
        with Spool(folder / "entries") as spool, Payloads(folder / "payloads") as payloads:
            first = _first_pass()(inputs, rows, allowed, spool)
            if default is not None:
                first.default(default)
            _take(estimators, first, tell)
            package, worst = _packed(folder, name, inputs, first, spool, payloads, allowed, metrics or {}, tell)
            version = target.put_keyed(package, payloads, told=lambda done: tell(done, len(payloads), "written"))
    return PublishedKeyed(name, version, package.manifest.digest, package.manifest, len(first), worst)


def _first_pass() -> type[FirstPass]:
    """Raises MissingExtra where there is nothing that could read an estimator."""
    try:
        from instream.publishing.keyed.first import FirstPass
    except ImportError as error:
        raise MissingExtra("to read estimators", "sklearn") from error
    return FirstPass


def _take(estimators: Any, first: FirstPass, tell: Progress) -> None:
    total = len(estimators) if hasattr(estimators, "__len__") else None
    pairs: Iterator[Any] = iter(estimators.items() if hasattr(estimators, "items") else estimators)
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ConversionRefused(f"estimators gave {type(pair).__name__}: a mapping, or pairs (key, estimator), were expected")
        first.key(*pair)
        tell(len(first), total, "proved")
    if not len(first):
        raise ConversionRefused("there is no key with an estimator")


def _packed(
    folder: Path,
    name: str,
    inputs: Inputs,
    first: FirstPass,
    spool: Spool,
    payloads: Payloads,
    allowed: Callable[[str], Tolerance],
    metrics: Mapping[str, float],
    tell: Progress,
) -> tuple[Package, float]:
    """The second pass, and the package; also the largest error of both passes."""
    architecture, classes = first.common.result()
    outputs = (PREDICTION,) if classes is None else (LABEL, PROBABILITIES)
    target = Target(architecture, classes, inputs.names, allowed(outputs[-1]))
    own = first.own
    assert own is not None
    found: dict[str, bytes] = {}

    def add(text: str, payload: bytes) -> None:
        if text == own.entry.text:
            found[text] = payload
        if text != DEFAULT:
            payloads.add(text, payload)
            tell(len(payloads), len(first), "fitted")

    worst = fit(spool, target, add)
    place = folder / "package"
    place.mkdir()
    kept = Own(own.entry.text == DEFAULT, own.kind, found[own.entry.text], answers_in(target, own.entry))
    package = pack(place, name, inputs, target, kept, payloads, {output: allowed(output) for output in outputs}, metrics)
    return package, max(worst, first.worst)


def _tolerance(given: Tolerances) -> Callable[[str], Tolerance]:
    """Of an output. Raises SettingsInvalid for outputs that no keyed model has."""
    if isinstance(given, Tolerance):
        return partial(_same, given)
    outputs = (PREDICTION, LABEL, PROBABILITIES)
    if unknown := set(given or {}) - set(outputs):
        raise SettingsInvalid(f"tolerance for {', '.join(sorted(unknown))}: no such output; keyed models give {', '.join(outputs)}")
    return lambda output: (given or {}).get(output, Tolerance())


def _same(tolerance: Tolerance, output: str) -> Tolerance:
    return tolerance
