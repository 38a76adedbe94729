"""What arenas of all families share: the tensors of many keys side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from instream.keyed.link import Array


class Shaped(Protocol):
    """An architecture: what the tensors of one key are, and which of them can be used."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]: ...
    @property
    def dtypes(self) -> Mapping[str, str]: ...
    def require_usable(self, tensors: Mapping[str, Array]) -> None: ...


class Held:
    """A slot for each key; zeros, so that memory is taken when a slot is written."""

    def __init__(self, architecture: Shaped, slots: int) -> None:
        self._shaped = architecture
        dtypes = architecture.dtypes
        self._tensors: dict[str, Array] = {name: np.zeros((slots, *shape), dtypes[name]) for name, shape in architecture.shapes.items()}

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self._tensors.values())

    def put(self, slot: int, tensors: Mapping[str, Array]) -> None:
        """Fill a slot that no batch reads. Raises PackageError for what the architecture's `require_usable` refuses."""
        self._shaped.require_usable(tensors)
        self.hold(slot, tensors)

    def hold(self, slot: int, tensors: Mapping[str, Array]) -> None:
        """The same with tensors that were found usable, as `decode` does."""
        for name, held in self._tensors.items():
            held[slot] = tensors[name]
