"""The architectures that keyed models can have, as data of a manifest that nobody trusts yet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
import numpy as np

from instream.errors import PackageError
from instream.keyed.linear import Linear
from instream.keyed.link import Array, Slots
from instream.keyed.mlp import Mlp
from instream.keyed.trees import Trees

Architecture = Linear | Mlp | Trees

SLOT_BYTES_MAX = 64_000_000
_SIZE_MAX = 1 << 24


class Arena(Protocol):
    """Parameters of many keys side by side, a slot for each. A slot that a batch reads is never written."""

    @property
    def nbytes(self) -> int:
        """What all slots take."""

    def put(self, slot: int, tensors: Mapping[str, Array]) -> None:
        """Fill a slot. Raises PackageError where the tensors cannot be used."""

    def hold(self, slot: int, tensors: Mapping[str, Array]) -> None:
        """The same with tensors that are known to be usable."""

    def score(self, rows: Array, slots: Slots) -> Array:
        """Scores of rows of shape (n, features), each with the parameters of its slot: shape (n, width)."""


def architecture_from(data: Mapping[str, Any]) -> Architecture:
    """The architecture that a manifest describes. Raises PackageError where it makes no sense or is too large."""
    try:
        architecture = msgspec.convert(data, Architecture)
    except msgspec.ValidationError as error:
        raise PackageError(f"the architecture of the keyed model cannot be read: {error}") from error
    return sized(architecture)


def sized(architecture: Architecture) -> Architecture:
    """The same. Raises PackageError where a size is not positive or too large, or parts of it do not fit each other."""
    for name, value in msgspec.structs.asdict(architecture).items():
        for size in value if isinstance(value, tuple) else (value,):
            if isinstance(size, int) and not isinstance(size, bool) and not 1 <= size <= _SIZE_MAX:
                raise PackageError(f"{name} of the architecture is {size}; it can be 1 to {_SIZE_MAX}")
    architecture.require_sense()
    if (needed := slot_bytes(architecture)) > SLOT_BYTES_MAX:
        raise PackageError(f"the parameters of one key would take {needed:,} bytes; at most {SLOT_BYTES_MAX:,} are allowed")
    return architecture


def slot_bytes(architecture: Architecture) -> int:
    """What the parameters of one key take in an arena."""
    dtypes = architecture.dtypes
    return sum(math.prod(shape) * np.dtype(dtypes[name]).itemsize for name, shape in architecture.shapes.items())


def tag(architecture: Architecture) -> str:
    """What the kind of architecture is called in data."""
    return str(type(architecture).__struct_config__.tag)
