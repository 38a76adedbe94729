"""Find a feature function: in a file, in an installed module, or in a package whose code the operator trusts."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from instream.errors import FeaturesInvalid, PackageCorrupt, SettingsInvalid
from instream.features.step import FeatureStep
from instream.package import Package

_SOURCE_BYTES_MAX = 1 << 20


def from_reference(reference: str, folder: Path) -> FeatureStep:
    """Load `file.py:function` or `module:function`, both found from `folder`, the pipeline file's.

    Raises:
        SettingsInvalid: there is no such file, module or function, or importing it raises.
    """
    place, colon, function = reference.rpartition(":")
    if not colon or not place or not function.isidentifier():
        raise SettingsInvalid(f"features.function = {reference!r}: expected file.py:function or module:function")
    if place.endswith(".py"):
        path = folder / place
        module, source = _from_file(path, reference)
    else:
        module, source = _from_module(place, folder, reference)
    digest = digest_of(hashlib.sha256(source).hexdigest(), function)
    return FeatureStep(_function(module, function, reference), name=reference, digest=digest)


def from_package(package: Package) -> FeatureStep | None:
    """Load the feature step that was published with a model; None when there is none.

    This runs the package's code: call it only where the operator said so.

    Raises:
        PackageCorrupt: the source is not what the manifest says.
        FeaturesInvalid: running it raises, or it has no such function.
    """
    published = package.manifest.features
    if published is None:
        return None
    source = _read(package.path(published.file))
    listed = next(file.sha256 for file in package.manifest.files if file.name == published.file)
    if hashlib.sha256(source).hexdigest() != listed:
        raise PackageCorrupt(f"{package.manifest.name}: {published.file} is not what the manifest says; publish again")
    name = f"{package.manifest.name}'s {published.file}:{published.function}"
    try:
        module = _run(source, package.path(published.file))
        function = _function(module, published.function, name)
    except Exception as error:  # whatever the package's code raises
        raise FeaturesInvalid(f"{name} cannot be loaded: {type(error).__name__}: {error}") from error
    return FeatureStep(function, name=name, digest=digest_of(listed, published.function))


def digest_of(source_sha256: str, function: str) -> str:
    """What makes two feature steps the same: the source file (its SHA-256, hexadecimal) and the function's name."""
    return hashlib.sha256(f"{source_sha256}\0{function}".encode()).hexdigest()


def _from_file(path: Path, reference: str) -> tuple[ModuleType, bytes]:
    try:
        source = _read(path)
    except OSError as error:
        raise SettingsInvalid(f"features.function = {reference!r}: {path} cannot be read: {error.strerror}") from error
    _importable(path.parent)
    try:
        return _run(source, path), source
    except Exception as error:  # whatever the user's file raises
        raise SettingsInvalid(f"features.function = {reference!r}: running {path} raises {type(error).__name__}: {error}") from error


def _from_module(name: str, folder: Path, reference: str) -> tuple[ModuleType, bytes]:
    _importable(folder)
    try:
        module = importlib.import_module(name)
        path = inspect.getsourcefile(module)
    except Exception as error:  # whatever the user's module raises
        raise SettingsInvalid(f"features.function = {reference!r}: importing {name} raises {type(error).__name__}: {error}") from error
    if path is None:
        raise SettingsInvalid(f"features.function = {reference!r}: {name} has no Python source, by which versions are told apart")
    return module, _read(Path(path))


def _run(source: bytes, path: Path) -> ModuleType:
    """Run exactly the bytes that were read and digested; nothing is written beside them."""
    module = ModuleType(f"instream_features_{hashlib.sha256(source).hexdigest()[:16]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickle look it up
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        source = stream.read(_SOURCE_BYTES_MAX + 1)
    if len(source) > _SOURCE_BYTES_MAX:
        raise SettingsInvalid(f"{path}: a feature source of more than {_SOURCE_BYTES_MAX:,} bytes is not read")
    return source


def _importable(folder: Path) -> None:
    """As `python file.py` does for a script's folder, so that what lies beside it can be imported."""
    if (text := str(folder.resolve())) not in sys.path:
        sys.path.insert(0, text)


def _function(module: ModuleType, name: str, reference: str) -> Callable[..., Any]:
    found = getattr(module, name, None)
    if not callable(found):
        raise SettingsInvalid(f"{reference}: {module.__file__} has no function {name}")
    return found  # type: ignore[no-any-return]
