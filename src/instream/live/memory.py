"""How much memory a version takes, said before it is loaded; and giving back what loading left behind."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from instream.package import Manifest, Package, Step

_HEAD_BYTES = 64 << 10
_SPARE_BYTES = 8 << 20

# Held and peak, as multiples of the file. Measured on Linux, resident memory, files of 100 and 200 MB:
# onnxruntime 1.32 on a forest of 3.3 million nodes 4.6 and 13, on a dense network 1.05 and 1.1.
_TREES = (5.0, 14.0)
_DENSE = (1.1, 1.5)
_OTHERS = (3.0, 5.0)


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes, estimated: kept while a version serves, and at most while it is loaded."""

    held: int
    peak: int


def need_of(package: Package, cache: int) -> Need:
    """What loading this package takes; `cache` is what parameters of keys may."""
    sizes = _sizes(package.manifest)
    held = peak = float(_SPARE_BYTES + (cache if package.manifest.keyed else 0))
    for step in package.manifest.steps:
        of_held, of_peak = _factors(package, step)
        held += sizes[step.file] * of_held
        peak += sizes[step.file] * of_peak
    return Need(int(held), int(peak))


def _sizes(manifest: Manifest) -> dict[str, int]:
    return {file.name: file.bytes for file in manifest.files}


def _factors(package: Package, step: Step) -> tuple[float, float]:
    if step.format != "onnx":
        return _OTHERS
    with package.path(step.file).open("rb") as stream:
        return _TREES if b"TreeEnsemble" in stream.read(_HEAD_BYTES) else _DENSE


def give_back() -> None:
    """Return to the system what malloc keeps after a load: 700 of 1,170 MB for that forest; without the GIL, 50 ms."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
