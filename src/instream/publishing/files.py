"""Model files. Those that can run code when they are read are refused unless the caller says so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from instream.errors import ConversionRefused, MissingExtra, UntrustedModel

PICKLE = "pickle"
"""In `trust`: .joblib, .pkl and .pickle may be read."""

HARMLESS = frozenset(("numpy.dtype",))
"""Types that skops does not vouch for, though they are mere data: a OneHotEncoder holds one."""


def read_model(given: Any, trust: Sequence[str]) -> Any:
    """A model, from its path where one is given.

    Raises:
        UntrustedModel: the file can run code, and `trust` does not name what it needs.
        ConversionRefused: no such file, an unknown ending, or a broken file.
        MissingExtra: its library is not installed.
    """
    if not isinstance(given, str | Path):
        return given
    path = Path(given)
    if path.suffix not in _READERS:
        raise ConversionRefused(f"model {path}: expected a path ending in {', '.join(_READERS)}")
    if not path.is_file():
        raise ConversionRefused(f"model {path}: no such file")
    read, extra = _READERS[path.suffix]
    try:
        return read(path, trust)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _LIBRARIES:
            raise MissingExtra(f"a {path.suffix} file", extra) from error
        raise ConversionRefused(
            f"model {path} needs the module {error.name}, which is not found: install it, or set PYTHONPATH to the folder that has it; "
            "wherever the model runs it is needed too"
        ) from error
    except (ConversionRefused, UntrustedModel):
        raise
    except Exception as error:  # each library raises its own
        raise ConversionRefused(f"model {path}: cannot be read: {type(error).__name__}: {error}") from error


def _skops(path: Path, trust: Sequence[str]) -> Any:
    import skops.io

    unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(trust) - HARMLESS)
    if unknown:
        named = " ".join(f"--trust {name}" for name in unknown)
        raise UntrustedModel(
            f"model {path} holds types that skops does not know: {', '.join(unknown)}. If you trust them, say {named} "
            f"(in Python: trust={tuple(unknown)!r})"
        )
    _importable(path.parent)
    return skops.io.load(path, trusted=[*HARMLESS, *(name for name in trust if name != PICKLE)])


def _pickle(path: Path, trust: Sequence[str]) -> Any:
    if PICKLE not in trust:
        raise UntrustedModel(
            f"model {path} is a pickle, which can run any code when it is read. Save it with skops "
            f'(skops.io.dump(model, "{path.stem}.skops")) and publish that; or, if you made this file yourself, '
            'say --trust-pickle (in Python: trust=("pickle",))'
        )
    import joblib

    _importable(path.parent)
    return joblib.load(path)


def _importable(folder: Path) -> None:
    """As `python train.py` does for a script's folder: classes of the user's own are often defined beside the model."""
    if (text := str(folder.resolve())) not in sys.path:
        sys.path.append(text)


def _lightgbm(path: Path, trust: Sequence[str]) -> Any:
    import lightgbm

    return lightgbm.Booster(model_file=str(path))


def _xgboost(path: Path, trust: Sequence[str]) -> Any:
    import xgboost

    return xgboost.Booster(model_file=str(path))


def _onnx(path: Path, trust: Sequence[str]) -> Any:
    import onnx

    return onnx.load(path)


_LIBRARIES = ("skops", "joblib", "sklearn", "lightgbm", "xgboost", "onnx")
_READERS: Mapping[str, tuple[Callable[[Path, Sequence[str]], Any], str]] = {
    ".skops": (_skops, "sklearn"),
    ".joblib": (_pickle, "sklearn"),
    ".pkl": (_pickle, "sklearn"),
    ".pickle": (_pickle, "sklearn"),
    ".txt": (_lightgbm, "lightgbm"),
    ".json": (_xgboost, "xgboost"),
    ".ubj": (_xgboost, "xgboost"),
    ".onnx": (_onnx, "onnx"),
}
