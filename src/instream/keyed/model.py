"""A keyed package in memory: rows of mixed keys in, answers and where they came from out."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from instream.errors import InvalidRows, PackageRefused, ParametersRefused, Unavailable
from instream.failures import NONE, Code, Failures, failures_of, merge
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline
from instream.key import TEXT_BYTES_MAX, text_of
from instream.keyed.architecture import architecture_from
from instream.keyed.asof import AsOf
from instream.keyed.cache import Cache
from instream.keyed.columns import answers_of, rows_of
from instream.keyed.keeper import Fed, Keeper
from instream.keyed.link import Array
from instream.keyed.manifest import key_columns, sound, tolerance_of
from instream.keyed.scorer import Scored, Scorer
from instream.keyed.stepper import Stepper
from instream.observe import logs, metrics
from instream.package import Package, Tolerance
from instream.predictor import KEYED_STAMPS, Answered

_STALE_S = 0.25
_ESCAPED = 3  # bytes of a key's text for one of a value, at most; and a little for its type

_log = logs.get("keyed")


@dataclass(frozen=True, slots=True)
class KeyedLimits:
    """What a keyed package may take.

    Attributes:
        cache: bytes for parameters in memory.
        max_age_ms: how old they may be, that is for how long the store may not have been asked; None for any age.
        hold: past that, whether to wait; else the age is told and rows go on.
        stepped: parameters are those of the moments that `at` says, and there are none before.
    """

    cache: int = 256 << 20
    max_age_ms: int | None = None
    hold: bool = False
    stepped: bool = False


class KeyedModel:
    """Thread-safe. It is `start`ed before the first answer; what it keeps ends with it."""

    def __init__(
        self,
        package: Package,
        source: Fed,
        limits: KeyedLimits = KeyedLimits(),
        *,
        label: str,
        hot: Sequence[str] = (),
        clock: Clock = SYSTEM,
    ) -> None:
        """Read the parameters of the `hot` keys (canonical texts).

        Args:
            label: for messages: `delay@3`.
        Raises:
            PackageError: the manifest describes no keyed package that can be used.
            StoreError: the store did not answer.
        """
        manifest = package.manifest
        keyed = sound(manifest)
        self.signature = manifest.signature
        self.nbytes = limits.cache
        self._key, self._features, self._limits = keyed.key, keyed.features, limits
        columns = key_columns(manifest)
        moments = AsOf(source) if limits.stepped else None
        self._cache = Cache(
            architecture_from(keyed.architecture),
            keyed.features,
            columns,
            source=moments or source,
            bytes_max=limits.cache,
            equal=_within(tolerance_of(manifest)),
            refused=_refusing(label),
        )
        if keyed.default:
            self._cache.put_default(package.path(keyed.model).read_bytes())
        self._stepper = Stepper(self._cache, moments, label, clock) if moments else None
        self._keeper = self._stepper or Keeper(self._cache, source, label, clock)
        self._keeper.fill([key for text in hot if (key := columns.read(text)) is not None] if moments is None else [])
        self._scorer = Scorer(self._cache, self._keeper, len(keyed.key), default=keyed.default)
        weakref.finalize(self, self._keeper.close)  # batches that began with it may outlast the swap

    def start(self) -> None:
        """Follow the store from now on."""
        self._keeper.start()

    def close(self) -> None:
        """Wake who waits for parameters, with Closed."""
        self._keeper.close()

    def hot(self) -> Sequence[str]:
        """Canonical texts of the keys in memory, the most recently used first."""
        return [self._cache.columns.text(key) for key in self._cache.slots.newest_used(self._cache.slots.count)]

    def at(self, revision: int, deadline: Deadline | None = None) -> AbstractContextManager[None]:
        """See `Stepper.at`. Raises PackageRefused where parameters follow the store."""
        if self._stepper is None:
            raise PackageRefused("parameters follow the store here, and cannot be had as of a moment")
        return self._stepper.at(revision, deadline)

    def answer(self, batch: pa.RecordBatch, deadline: Deadline | None = None) -> Answered:
        """Score each row by its own key.

        Raises:
            Unavailable: parameters cannot be read, or are older than they may be; no row is settled.
            Closed: while waiting for them.
        """
        age_ms = self._keeper.age_ms
        if self._limits.hold and self._limits.max_age_ms is not None and age_ms > self._limits.max_age_ms:
            raise Unavailable(
                f"parameters are {age_ms / 1000:.1f} s old, and limits.max_age_s is {self._limits.max_age_ms / 1000:g}", _STALE_S
            )
        keys = [batch.column(name) for name in self._key]
        long = _too_long(keys)
        if not len(long):
            return self._answered(batch, keys, age_ms, deadline)
        kept = np.delete(np.arange(batch.num_rows, dtype=np.int32), long.rows)
        rest = batch.take(pa.array(kept))
        answered = self._answered(rest, [rest.column(name) for name in self._key], age_ms, deadline)
        rows = kept if answered.rows is None else kept[answered.rows]
        return Answered(answered.outputs, rows, merge(long, answered.failures.at(kept)))

    def _answered(self, batch: pa.RecordBatch, keys: Sequence[pa.Array], age_ms: int, deadline: Deadline | None) -> Answered:
        scored = self._scorer.score(keys, rows_of([batch.column(name) for name in self._features]), deadline)
        if scored.answered.all():
            return Answered(self._columns(scored, slice(None), age_ms))
        without = np.flatnonzero(~scored.answered)
        return Answered(
            self._columns(scored, scored.answered, age_ms),
            np.flatnonzero(scored.answered).astype(np.int32),
            failures_of((row, Code.NO_MODEL, f"nothing answers for the key {_text(keys, row)}") for row in without.tolist()),
        )

    def _columns(self, scored: Scored, rows: slice | npt.NDArray[np.bool_], age_ms: int) -> pa.RecordBatch:
        revisions, levels = scored.revisions[rows], scored.levels[rows]
        stamps = [pa.array(revisions, mask=revisions == 0), pa.array(levels), pa.array(np.full(len(levels), age_ms, np.int64))]
        answers = answers_of(scored.scores[rows], self.signature.outputs)
        return pa.RecordBatch.from_arrays([*answers, *stamps], schema=pa.schema([*self.signature.produces, *KEYED_STAMPS]))


def _within(tolerance: Tolerance) -> Callable[[Array, Array], bool]:
    def equal(expected: Array, given: Array) -> bool:
        return bool((np.abs(given - expected) <= tolerance.allowed(expected)).all())

    return equal


def _refusing(label: str) -> Callable[[str, int, ParametersRefused], None]:
    def refused(text: str, revision: int, why: ParametersRefused) -> None:
        metrics.PARAMETERS_REFUSED.labels(label.partition("@")[0]).inc()
        _log.warning("parameters refused, earlier ones go on", model=label, key=text, revision=revision, why=str(why))

    return refused


def _too_long(keys: Sequence[pa.Array]) -> Failures:
    """Rows whose key is longer than any that a store has."""
    texts = [each for each in keys if pa.types.is_string(each.type)]
    longest = sum(_ESCAPED * (pc.max(pc.binary_length(each)).as_py() or 0) for each in texts)
    if longest + 32 * len(keys) <= TEXT_BYTES_MAX:
        return NONE
    found: list[tuple[int, Code, str]] = []
    for row in range(len(keys[0])):
        try:
            _text(keys, row)
        except InvalidRows as error:
            found.append((row, Code.OUT_OF_RANGE, str(error)))
    return failures_of(found)


def _text(keys: Sequence[pa.Array], row: int) -> str:
    return text_of([each[row].as_py() for each in keys])
