"""New parameters for keys of a package that is published: proved one by one, then put into its store."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from instream.errors import ConversionRefused, InvalidRows, MissingExtra, PackageError, ParametersRefused
from instream.key import Key, Part, text_of
from instream.keyed.architecture import Arena, architecture_from
from instream.keyed.link import Array
from instream.keyed.manifest import classes_of, key_columns, key_fields, keyed_of, tolerance_of
from instream.keyed.payload import GOLDEN_MAX, Golden, decode, encode
from instream.package import Keyed, Manifest, Version
from instream.publishing.keyed.common import fitted_to, placed_answers
from instream.publishing.keyed.extracted import own_answers
from instream.publishing.sample import sample_of
from instream.stores import Store, open_store, resolve
from instream.stores.default import store_url

BATCH = 500
"""So many keys are written at once; each at once and whole."""

Written = Callable[[int], None]
"""Told how many keys are written, after each batch."""


def put_parameters(
    store: Store | str | None,
    name: str,
    items: Iterable[tuple[Part | Sequence[Part], Any]],
    *,
    version: Version | int | str | None = None,
    sample: Any = None,
    progress: Written | None = None,
) -> Mapping[Key, int]:
    """Give keys of a published keyed model new parameters; what serves them follows by itself.

    Args:
        store: a store, its URL, or None for $INSTREAM_STORE, else sqlite:///instream.db.
        items: of each key a fitted estimator, or parameters as bytes, or None, which takes its parameters away. A key is
            a value for each key column, or for the first of them; one value alone may stand for itself.
        version: a number or a label; by default the champion.
        sample: rows with the features, and with the key columns where each key has rows of its own: from here golden
            rows are taken; where it has none for a key, rows are made.
        progress: called after each batch of 500 with how many are written.
    Returns:
        The revision of each key.
    Raises:
        ConversionRefused: an estimator does not fit the package; says of which key. Earlier batches are written.
        ParametersRefused: the same for bytes.
        InvalidRows: a key does not fit the package's key columns.
        NotFound: there is no such model or version.
    """
    target = open_store(store_url(store), create=False) if store is None or isinstance(store, str) else store
    _, number = resolve(target, name if version is None else f"{name}@{version}")
    update = Update(target.manifest(name, number), sample)
    parameters = target.parameters(name, number)
    revisions: dict[Key, int] = {}
    batch: dict[Key, bytes | None] = {}

    def write() -> None:
        written = parameters.write({text_of(key): payload for key, payload in batch.items()})
        revisions.update({key: written[text_of(key)] for key in batch})
        batch.clear()
        if progress is not None:
            progress(len(revisions))

    for given, value in items:
        key = update.key(given)
        try:
            batch[key] = update.payload(key, value)
        except PackageError as error:
            raise type(error)(f"key {text_of(key)}: {error}; {len(revisions):,} keys before it are written") from error
        if len(batch) == BATCH:
            write()
    if batch:
        write()
    return revisions


class Update:
    """What estimators and bytes have to fit, and the place where they are proved."""

    def __init__(self, manifest: Manifest, sample: Any = None) -> None:
        """Raises PackageError where the package is not keyed, or the sample lacks its features."""
        self._manifest = manifest
        self._keyed = keyed_of(manifest)
        self._columns = key_columns(manifest)
        self._architecture = architecture_from(self._keyed.architecture)
        self._arena: Arena = self._architecture.arena(1)
        self._classes = classes_of(manifest)
        self._tolerance = tolerance_of(manifest)
        self._sample = None if sample is None else _Rows(sample_of(sample).batch, self._keyed)

    def key(self, given: Any) -> Key:
        """A key as the package has it. Raises InvalidRows."""
        parts = given if isinstance(given, tuple | list) else (given,)
        key = tuple(part.item() if isinstance(part, np.generic) else part for part in parts)
        if not key or self._columns.read(text_of(key)) is None:
            wanted = ", ".join(f"{field.name} ({field.type})" for field in key_fields(self._manifest))
            raise InvalidRows(f"{given!r} is no key of {self._manifest.name}: expected a value for {wanted}, or for the first of them")
        return key

    def payload(self, key: Key, value: Any) -> bytes | None:
        """The bytes of what a key is given, proved. Raises ConversionRefused, ParametersRefused."""
        if value is None:
            return None
        payload = bytes(value) if isinstance(value, bytes | bytearray | memoryview) else self._encoded(key, value)
        self._prove(payload)
        return payload

    def _encoded(self, key: Key, estimator: Any) -> bytes:
        try:
            from instream.publishing.keyed.extract import extracted, tried_rows
        except ImportError as error:
            raise MissingExtra("to read an estimator", "sklearn") from error
        found = extracted(estimator)
        if found.names is not None and found.names != self._keyed.features:
            read, fitted = ", ".join(self._keyed.features), ", ".join(found.names)
            raise ConversionRefused(f"it was fitted on {fitted}; the model reads {read}")
        tensors = fitted_to(found, self._architecture, self._classes)
        rows = None if self._sample is None else self._sample.of(key)
        if rows is None:
            rows = tried_rows(estimator, self._architecture.features)[:: 16 // GOLDEN_MAX]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rows without names, for an estimator that was fitted on names
            answers = own_answers(estimator, rows, classifier=found.classes is not None)
        return encode(
            self._architecture, self._keyed.features, tensors, Golden(rows, placed_answers(answers, found.classes, self._classes))
        )

    def _prove(self, payload: bytes) -> None:
        """As whoever serves them will. Raises ParametersRefused."""
        parameters = decode(payload, self._architecture, self._keyed.features)
        self._arena.put(0, parameters.tensors)
        expected = parameters.golden.scores
        given = self._arena.score(parameters.golden.inputs, np.zeros(len(expected), np.intp))
        allowed = self._tolerance.allowed(expected)
        if not (np.abs(given - expected) <= allowed).all():
            off = float(np.abs(given - expected).max())
            raise ParametersRefused(f"its golden rows are not reproduced: {off:.3g} off; the parameters are another model's")


class _Rows:
    """Rows of a sample, by key where it has the key columns."""

    def __init__(self, batch: pa.RecordBatch, keyed: Keyed) -> None:
        if missing := set(keyed.features) - set(batch.schema.names):
            raise PackageError(f"the sample lacks {', '.join(sorted(missing))}, which the model reads")
        try:
            matrix: Array = np.stack([np.asarray(batch.column(name).cast(pa.float64())) for name in keyed.features], axis=1)
        except pa.ArrowException as error:
            raise PackageError(f"the sample has features that are no numbers: {error}") from error
        usable = np.isfinite(matrix).all(axis=1)
        self._matrix = matrix[usable]
        self._places: dict[Hashable, list[int]] | None = None
        if set(keyed.key) <= set(batch.schema.names):
            self._places = {}
            kept = batch.filter(pa.array(usable))
            for at, key in enumerate(zip(*(kept.column(name).to_pylist() for name in keyed.key), strict=True)):
                if len(places := self._places.setdefault(text_of(key), [])) < GOLDEN_MAX:
                    places.append(at)

    def of(self, key: Key) -> Array | None:
        """At most four; None where there is none."""
        places = list(range(min(GOLDEN_MAX, len(self._matrix)))) if self._places is None else self._places.get(text_of(key), [])
        return self._matrix[places] if places else None
