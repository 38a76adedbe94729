"""Which Python and libraries are here: what is scored elsewhere by others is not what was proved."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from instream.errors import SetUpFailed

LIBRARIES = (
    "instream",
    "pyspark",
    "pyarrow",
    "numpy",
    "pandas",
    "msgspec",
    "onnxruntime",
    "treelite",
    "lightgbm",
    "xgboost-cpu",
    "scikit-learn",
)
"""Those that decide what a value is, or how it travels."""

Versions = Mapping[str, str]


def versions() -> Versions:
    """Of this process: Python without its patch level, and the libraries that are installed."""
    found = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def refuse_different(here: Versions, workers: Mapping[str, Versions]) -> None:
    """Whether the workers of a cluster have what this process has.

    Args:
        workers: what `versions` found, by a name for people, such as the host.
    Raises:
        SetUpFailed: says of each worker what is different.
    """
    found = [
        f"{worker}: " + ", ".join(f"{name} {there.get(name, 'absent')} instead of {wanted}" for name, wanted in different.items())
        for worker, there in sorted(workers.items())
        if (different := {name: wanted for name, wanted in here.items() if there.get(name) != wanted})
    ]
    if found:
        raise SetUpFailed(
            f"the cluster's workers are not like this machine: {'; '.join(found)}. Install the same versions there, or submit from an "
            "environment like theirs"
        )
