"""Packages from one store to another: the same bytes, so the same digest."""

from __future__ import annotations

from instream.package import Version
from instream.stores.store import Store


def copy(source: Store, target: Store, name: str, version: Version, number: int | None = None) -> Version:
    """Copy one package; returns its version in the target, which numbers for itself unless a number is wanted."""
    return target.put(source.open(name, version), number)
