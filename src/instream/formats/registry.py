"""Formats by name. Text: a module is imported when a package asks for it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import cast

from instream.errors import MissingExtra, PackageError
from instream.formats.protocol import Loader

FORMATS: Mapping[str, str] = {
    "onnx": "instream.formats.onnx",
    "treelite": "instream.formats.treelite",
    "sklearn": "instream.formats.sklearn",
    "lightgbm": "instream.formats.lightgbm",
    "xgboost": "instream.formats.xgboost",
}
EXTRAS: Mapping[str, str] = {"onnx": "onnx", "treelite": "sklearn", "sklearn": "sklearn", "lightgbm": "lightgbm", "xgboost": "xgboost"}
LIBRARIES: Mapping[str, str] = {
    "onnx": "onnxruntime",
    "treelite": "treelite",
    "sklearn": "scikit-learn",
    "lightgbm": "lightgbm",
    "xgboost": "xgboost",
}
"""The library that scores each format, by the name under which `provenance` has its version."""


def loader(format: str) -> Loader:
    """The function that reads a format.

    Raises:
        PackageError: no such format.
        MissingExtra: its library is not installed.
    """
    if format not in FORMATS:
        raise PackageError(f"format {format!r} is unknown: this instream reads {', '.join(FORMATS)}; upgrade it")
    try:
        return cast(Loader, importlib.import_module(FORMATS[format]).load)
    except ImportError as error:
        raise MissingExtra(f"a model of format {format}", EXTRAS[format]) from error
