"""Keys and their estimators from functions that somebody names: `module:function` or `file.py:function`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from instream.errors import SettingsInvalid


def pairs_of(reference: str) -> Iterator[tuple[Any, Any]]:
    """Call it without arguments and give what it gives, one pair at a time. Runs, and so trusts, the user's code.

    Raises:
        SettingsInvalid: it cannot be imported, is no function, raises, or gives something else than pairs.
    """
    return _pairs(reference, _function(reference))


def estimator_of(reference: str) -> Any:
    """Call it without arguments and give what it gives, one estimator. Raises SettingsInvalid as `pairs_of`."""
    try:
        return _function(reference)()
    except SettingsInvalid:
        raise
    except Exception as error:  # whatever the user's function raises
        raise SettingsInvalid(f"{reference} raises {type(error).__name__}: {error}") from error


def _function(reference: str) -> Callable[[], Any]:
    name, colon, function = reference.rpartition(":")
    if not colon or not name or not function.isidentifier():
        raise SettingsInvalid(f"{reference}: expected module:function or file.py:function, such as retrain:models")
    called = getattr(_module(name, reference), function, None)
    if not callable(called):
        raise SettingsInvalid(f"{reference}: {name} has no function {function}")
    return called  # type: ignore[no-any-return]


def _module(name: str, reference: str) -> ModuleType:
    path = Path(name)
    folder = path.parent if path.suffix == ".py" else Path()
    if path.suffix == ".py" and not path.is_file():
        raise SettingsInvalid(f"{reference}: {path}: no such file")
    if (text := str(folder.resolve())) not in sys.path:  # as `python file.py` does
        sys.path.insert(0, text)
    try:
        return importlib.import_module(path.stem if path.suffix == ".py" else name)
    except Exception as error:  # whatever the user's module raises
        raise SettingsInvalid(f"{reference}: importing {name} raises {type(error).__name__}: {error}") from error


def _pairs(reference: str, called: Any) -> Iterator[tuple[Any, Any]]:
    try:
        given = called()
        if not isinstance(given, Iterable):
            raise SettingsInvalid(f"{reference} gave {type(given).__name__}: expected (key, estimator) for each key, such as a generator")
        for pair in given.items() if isinstance(given, dict) else given:
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise SettingsInvalid(f"{reference} gave {type(pair).__name__} where (key, estimator) was expected")
            yield pair[0], pair[1]
    except SettingsInvalid:
        raise
    except Exception as error:  # whatever the user's function raises
        raise SettingsInvalid(f"{reference} raises {type(error).__name__}: {error}") from error
