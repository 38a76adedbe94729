"""Parameters of keys in memory: read from the store, decoded, proved, and only then shown to those who score."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Protocol

import numpy as np

from instream.errors import ParametersRefused
from instream.keyed.architecture import Architecture, Arena, slot_bytes
from instream.keyed.keys import KeyColumns
from instream.keyed.link import Array
from instream.keyed.payload import Parameters, decode
from instream.keyed.slots import Slots

KEY_BYTES = 400
"""What a key takes besides its parameters, with its text and its places in tables."""

TURN = 500
"""So many keys are read at once."""

_SLOTS_MIN = 16
_EARLIER = 8


class Revised(Protocol):
    """What a store has for a key; no payload where its parameters were taken away."""

    @property
    def revision(self) -> int: ...
    @property
    def payload(self) -> bytes | None: ...


class Source(Protocol):
    """Where parameters come from; see instream.stores.parameters. Raises StoreError."""

    def read(self, texts: Sequence[str]) -> Mapping[str, Revised]: ...
    def history(self, text: str, limit: int) -> Sequence[Revised]: ...


Refused = Callable[[str, int, ParametersRefused], None]
"""Told of each revision of a key that is not used: text, revision, why."""


class Cache:
    """An arena and the slots of its keys. One thread loads and refreshes; any number read."""

    def __init__(
        self,
        architecture: Architecture,
        features: Sequence[str],
        columns: KeyColumns,
        *,
        source: Source,
        bytes_max: int,
        equal: Callable[[Array, Array], bool],
        refused: Refused,
    ) -> None:
        """`equal(expected, given)`: whether scores are the same within the package's tolerance, each of shape (n, width)."""
        count = max(_SLOTS_MIN, bytes_max // (slot_bytes(architecture) + KEY_BYTES))
        self.slots = Slots(count, columns.layout)
        self.columns = columns
        self.default = count  # one slot more, for the default model
        self.arena: Arena = architecture.arena(count + 1)  # zeros: memory is taken when a slot is written
        self._architecture = architecture
        self._features = tuple(features)
        self._source = source
        self._equal = equal
        self._refused = refused

    def decoded(self, payload: bytes) -> Parameters:
        """Raises ParametersRefused."""
        return decode(payload, self._architecture, self._features)

    def put_default(self, payload: bytes) -> None:
        """Parameters for keys that have none. Raises ParametersRefused."""
        self.arena.hold(self.default, self.decoded(payload).tensors)

    def load(self, keys: Sequence[Hashable]) -> None:
        """Read what is in force for these keys, at most `TURN`, in one round trip.

        A key whose newest parameters are refused keeps those that it has here, or gets the newest ones that are not refused.

        Raises:
            StoreError: the store did not answer; nothing changed.
            Full: every slot is being read.
        """
        texts = {self.columns.text(key): key for key in keys}
        found = self._source.read(list(texts))
        good: list[tuple[Hashable, int, Parameters]] = []
        for text, key in texts.items():
            newest = found.get(text)
            if newest is None or newest.payload is None:
                self.slots.absent(key)
            elif newest.revision != self.slots.known(key):
                if (parameters := self._usable(text, newest)) is not None:
                    good.append((key, newest.revision, parameters))
                elif self.slots.known(key) <= 0:
                    self._load_earlier(text, key, newest.revision)
        for key, revision in self._shown(good):
            self._refused(self.columns.text(key), revision, ParametersRefused("its golden rows are not reproduced"))
            if self.slots.known(key) <= 0:
                self._load_earlier(self.columns.text(key), key, revision)

    def _usable(self, text: str, revised: Revised) -> Parameters | None:
        try:
            return self.decoded(revised.payload or b"")
        except ParametersRefused as error:
            self._refused(text, revised.revision, error)
            return None

    def _load_earlier(self, text: str, key: Hashable, before: int) -> None:
        """The newest parameters of a key, older than a revision, that can be used; else it has none."""
        for revised in self._source.history(text, _EARLIER):
            if revised.revision >= before or revised.payload is None:
                continue
            parameters = self._usable(text, revised)
            if parameters is not None and not self._shown([(key, revised.revision, parameters)]):
                return
        self.slots.absent(key)

    def _shown(self, given: Sequence[tuple[Hashable, int, Parameters]]) -> list[tuple[Hashable, int]]:
        """Write to free slots, prove there, show; the key and revision of those that fail the proof. Raises Full."""
        slots = self.slots.take(len(given))
        for slot, (_, _, parameters) in zip(slots, given, strict=True):
            self.arena.hold(slot, parameters.tensors)
        failed = []
        for slot, (key, revision, _), well in zip(slots, given, self._proved(slots, given), strict=True):
            if well:
                self.slots.put(key, slot, revision)
            else:
                self.slots.give_back([slot])
                failed.append((key, revision))
        return failed

    def _proved(self, slots: Sequence[int], given: Sequence[tuple[Hashable, int, Parameters]]) -> list[bool]:
        """Whether each reproduces its golden rows; all are scored together."""
        golden = [parameters.golden for _, _, parameters in given]
        counts = [len(each.inputs) for each in golden]
        if not sum(counts):
            return [True] * len(given)
        scores = self.arena.score(np.concatenate([each.inputs for each in golden]), np.repeat(np.array(slots, np.intp), counts))
        ends = np.cumsum(counts)
        return [self._equal(each.scores, scores[end - count : end]) for each, count, end in zip(golden, counts, ends, strict=True)]
