"""How much a store keeps: figures for each model."""

from __future__ import annotations

import msgspec

from instream.errors import PackageError
from instream.head import Revision
from instream.package import Keyed, Version
from instream.stores.in_force import in_force
from instream.stores.overview import overview
from instream.stores.store import Store


class Keys(msgspec.Struct, frozen=True):
    """The keys of one version that have parameters, and the bytes of those in force."""

    version: Version
    keys: int
    bytes: int


class Statistics(msgspec.Struct, frozen=True):
    """Of one model.

    Attributes:
        head: the newest revision, so as many heads there were; None without one.
        bytes: of the files of all versions.
        keyed: of each version that is keyed and intact.
        workers: live ones.
    """

    name: str
    versions: int
    champion: Version | None
    head: Revision | None
    bytes: int
    keyed: tuple[Keys, ...]
    workers: int


def statistics(store: Store, name: str) -> Statistics:
    """Reads every key's parameters in force, a page at a time. Raises NotFound."""
    found = overview(store, name)
    keyed = tuple(each for line in found.versions if (each := _keys(store, name, line.version)) is not None)
    head = found.head
    return Statistics(
        name,
        len(found.versions),
        head.champion if head else None,
        head.revision if head else None,
        sum(line.bytes for line in found.versions),
        keyed,
        len(found.workers),
    )


def _keys(store: Store, name: str, version: Version) -> Keys | None:
    try:
        if not isinstance(store.manifest(name, version).keyed, Keyed):
            return None
    except PackageError:  # `overview` says what is wrong with it
        return None
    keys = size = 0
    for _, each in in_force(store.parameters(name, version)):
        keys += each.payload is not None
        size += len(each.payload or b"")
    return Keys(version, keys, size)
