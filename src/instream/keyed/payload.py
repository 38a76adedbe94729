"""The parameters of one key as bytes: a safetensors file, so numbers and never code.

Its metadata has, under `instream`, a JSON object: the format, the tag of the architecture, the names of the features and
a digest over all tensors. Next to the parameters are a few golden rows: inputs, and what the key's own model gave.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from instream.errors import PackageError, ParametersRefused
from instream.keyed.architecture import Architecture, slot_bytes, tag
from instream.keyed.link import Array
from instream.keyed.trees import Trees

FORMAT = 1
GOLDEN_MAX = 4
_INPUTS, _SCORES = "golden.inputs", "golden.scores"
_HEADER = "instream"
_PREFIX = 8  # bytes: the length of the JSON that follows
_SPACE = 4_096  # for JSON apart from names of features and tensors
# What both libraries and numpy raise for odd bytes: JSON nested too deep, a length past 64 bits, and the like.
_UNREADABLE = (SafetensorError, msgspec.DecodeError, KeyError, TypeError, ValueError, OverflowError, RecursionError)


class Golden(msgspec.Struct, frozen=True):
    """Rows and what the key's own model gave for them: shapes (g, features) and (g, width), g from 0 to 4."""

    inputs: Array
    scores: Array


class Parameters(msgspec.Struct, frozen=True):
    """The parameters of one key, which fit their architecture, and its golden rows."""

    tensors: Mapping[str, Array]
    golden: Golden


class Header(msgspec.Struct, frozen=True):
    """What the bytes say of themselves; `digest` is over all tensors."""

    format: int
    architecture: str
    features: tuple[str, ...]
    digest: str


def encode(architecture: Architecture, features: Sequence[str], tensors: Mapping[str, Array], golden: Golden) -> bytes:
    """Raises ParametersRefused for what `decode` would refuse."""
    held = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    held |= {_INPUTS: np.ascontiguousarray(golden.inputs, np.float64), _SCORES: np.ascontiguousarray(golden.scores, np.float64)}
    _require_fit(architecture, held)
    header = Header(FORMAT, tag(architecture), tuple(features), _digest(held))
    payload: bytes = save(held, {_HEADER: msgspec.json.encode(header).decode()})
    _require_size(payload, architecture, features)
    return payload


def decode(payload: bytes, architecture: Architecture, features: Sequence[str]) -> Parameters:
    """Parameters that fit the architecture and the features, as they were encoded.

    Raises:
        ParametersRefused: larger than such parameters can be (seen before anything is read), cut off or changed, of
            another format, architecture, features, shape or type, or with a value that cannot be scored with.
    """
    _require_size(payload, architecture, features)
    try:
        header = _header_of(payload)
        _require_same(header, architecture, features)
        tensors: dict[str, Array] = load(payload)  # looks at every shape and offset before it makes a tensor
    except _UNREADABLE as error:
        raise ParametersRefused(f"the bytes are no parameters of a key: {error}") from error
    _require_fit(architecture, tensors)
    if _digest(tensors) != header.digest:
        raise ParametersRefused("the parameters are not those that were written: their digest is another")
    golden = Golden(tensors.pop(_INPUTS), tensors.pop(_SCORES))
    return Parameters(tensors, golden)


def header_of(payload: bytes) -> Header:
    """What they say, without a look at the parameters. Raises ParametersRefused."""
    try:
        return _header_of(payload)
    except _UNREADABLE as error:
        raise ParametersRefused(f"the bytes are no parameters of a key: {error}") from error


@lru_cache(64)
def bytes_max(architecture: Architecture, features: tuple[str, ...]) -> int:
    """What no payload of such parameters is larger than."""
    names = sum(len(msgspec.json.encode(name)) for name in features) * 2 + 4 * len(features)  # JSON within JSON: twice escaped
    golden = GOLDEN_MAX * (architecture.features + architecture.width) * 8
    return _SPACE + names + 256 * (len(architecture.shapes) + 2) + golden + slot_bytes(architecture)


def _require_size(payload: bytes, architecture: Architecture, features: Sequence[str]) -> None:
    if len(payload) > (most := bytes_max(architecture, tuple(features))):
        raise ParametersRefused(f"{len(payload):,} bytes are too many: parameters of this architecture take at most {most:,}")


def _header_of(payload: bytes) -> Header:
    """Raises one of _UNREADABLE."""
    length = int.from_bytes(payload[:_PREFIX], "little")
    if len(payload) < _PREFIX + length:
        raise ValueError("they are cut off")
    outer = msgspec.json.decode(payload[_PREFIX : _PREFIX + length], type=dict[str, msgspec.Raw])
    metadata = msgspec.json.decode(outer["__metadata__"], type=dict[str, str])
    return msgspec.json.decode(metadata[_HEADER], type=Header)


def _require_same(header: Header, architecture: Architecture, features: Sequence[str]) -> None:
    if header.format != FORMAT:
        raise ParametersRefused(f"the parameters have format {header.format}; this instream reads {FORMAT}")
    if header.architecture != tag(architecture):
        raise ParametersRefused(f"the parameters are of architecture {header.architecture!r}, the model has {tag(architecture)!r}")
    if header.features != tuple(features):
        raise ParametersRefused(f"the parameters read {', '.join(header.features)}; the model reads {', '.join(features)}")


def _require_fit(architecture: Architecture, tensors: Mapping[str, Array]) -> None:
    """Raises ParametersRefused unless the tensors are those of the architecture, usable, and with fitting golden rows."""
    golden = len(tensors[_INPUTS]) if _INPUTS in tensors and tensors[_INPUTS].ndim else 0
    if golden > GOLDEN_MAX:
        raise ParametersRefused(f"{golden} golden rows; there can be {GOLDEN_MAX}")
    shapes = {**architecture.shapes, _INPUTS: (golden, architecture.features), _SCORES: (golden, architecture.width)}
    dtypes = {**architecture.dtypes, _INPUTS: "float64", _SCORES: "float64"}
    if tensors.keys() != shapes.keys():
        raise ParametersRefused(f"tensors {', '.join(sorted(tensors))}; the architecture has {', '.join(sorted(shapes))}")
    for name, tensor in tensors.items():
        if tensor.shape != shapes[name] or tensor.dtype != dtypes[name]:
            raise ParametersRefused(f"{name} is {tensor.dtype} of shape {tensor.shape}; it has to be {dtypes[name]} of {shapes[name]}")
    if not _usable(tensors[_INPUTS], architecture) or not np.isfinite(tensors[_SCORES]).all():
        raise ParametersRefused("golden rows have a value that is not finite")
    try:
        architecture.require_usable({name: tensors[name] for name in architecture.shapes})
    except PackageError as error:
        raise ParametersRefused(str(error)) from error


def _usable(inputs: Array, architecture: Architecture) -> bool:
    nan = isinstance(architecture, Trees) and architecture.missing
    return bool((np.isfinite(inputs) | (np.isnan(inputs) & nan)).all())


def _digest(tensors: Mapping[str, Array]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name}\0{tensor.dtype.str}\0{tensor.shape}\0".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()
