"""What a manifest says of a keyed package."""

from __future__ import annotations

from instream.errors import PackageError
from instream.keyed.architecture import architecture_from
from instream.keyed.columns import outputs_of
from instream.keyed.keys import KeyColumns
from instream.package import Keyed, Manifest, Tolerance
from instream.signature import Category, Field, type_from


def keyed_of(manifest: Manifest) -> Keyed:
    """What makes it keyed. Raises PackageError where nothing does."""
    if not isinstance(manifest.keyed, Keyed):
        raise PackageError(f"{manifest.name} is not keyed: it is one model for all rows, and has no parameters of keys")
    return manifest.keyed


def sound(manifest: Manifest) -> Keyed:
    """The same, after a look whether its parts fit each other: a manifest is data. Raises PackageError."""
    keyed, outputs = keyed_of(manifest), manifest.signature.outputs
    architecture = architecture_from(keyed.architecture)
    inputs = {field.name for field in manifest.signature.inputs}
    if not keyed.key or not inputs.issuperset({*keyed.key, *keyed.features}) or len(keyed.features) != architecture.features:
        raise PackageError(f"{manifest.name}: key {keyed.key} and features {keyed.features} do not fit its inputs and architecture")
    if not outputs or outputs != outputs_of(architecture.width, outputs[-1].categories):
        raise PackageError(f"{manifest.name}: its outputs are not those of a keyed model with {architecture.width} scores")
    return keyed


def key_fields(manifest: Manifest) -> tuple[Field, ...]:
    """The inputs that make a key, in order. Raises PackageError where it is not keyed."""
    inputs = {field.name: field for field in manifest.signature.inputs}
    return tuple(inputs[name] for name in keyed_of(manifest).key)


def key_columns(manifest: Manifest) -> KeyColumns:
    """Raises PackageError where it is not keyed."""
    return KeyColumns([type_from(field.type) for field in key_fields(manifest)])


def classes_of(manifest: Manifest) -> tuple[Category, ...] | None:
    """In the order of the probabilities; None where it gives none."""
    return manifest.signature.outputs[-1].categories


def tolerance_of(manifest: Manifest) -> Tolerance:
    """Of the scores of a key."""
    return manifest.golden.tolerance.get(manifest.signature.outputs[-1].name, Tolerance())
