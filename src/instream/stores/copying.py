"""Packages from one store to another: the same bytes, so the same digest."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from instream.errors import Conflict, NotFound
from instream.package import Keyed, Version
from instream.stores.parameter_copying import copy_parameters
from instream.stores.promotion import promote
from instream.stores.store import Store

Told = Callable[[str, int], None]
"""Told of a version, and how many of its keys are done."""


class Copied(msgspec.Struct, frozen=True):
    """What a model has in the target now.

    Attributes:
        versions: that were copied, or were there already and are intact.
        champion: of the target's head.
        keys: of all versions, that were looked at.
        written: of those, whose parameters the target did not have.
    """

    name: str
    versions: tuple[Version, ...]
    champion: Version | None
    keys: int
    written: int


def copy(source: Store, target: Store, name: str, version: Version, number: int | None = None) -> Version:
    """Copy one package; returns its version in the target, which numbers for itself unless a number is wanted."""
    return target.put(source.open(name, version), number)


def copy_model(source: Store, target: Store, name: str, *, by: str, history: bool = False, told: Told = lambda name, keys: None) -> Copied:
    """Copy a model: all its versions under their numbers, the parameters of their keys, and which one is champion.

    Again it copies what is new, and repairs what the target has damaged. Parameters come before the package that they
    belong to, and the champion before the other versions, so that whoever follows the target sees nothing half.

    Args:
        by: who makes it the champion, where the target has another one.
        history: all kept revisions of each key, in their order, instead of the newest.
    Raises:
        NotFound: the source does not have the model.
        Conflict: the target has another package under one of the numbers; nothing was copied.
    """
    versions = source.versions(name)
    if not versions:
        raise NotFound(f"{name} is not in the store that is copied; it has {', '.join(source.names()[:20]) or 'no models'}")
    there = set(target.versions(name))
    for version in versions:
        mine = source.entry(name, version).digest
        if version in there and (other := target.entry(name, version).digest) != mine:
            raise Conflict(
                f"{name}@{version} in the target is another package: digest {other[:12]}, in the source {mine[:12]}; nothing of {name} "
                "was copied. Copy to a store without it, or publish it there under another name"
            )
    head = next(iter(source.heads(name, 1)), None)
    keys = written = 0
    for version in sorted(versions, key=lambda each: (head is None or each != head.champion, each)):
        told(f"{name}@{version}", 0)
        if isinstance(source.manifest(name, version).keyed, Keyed):
            digest = source.entry(name, version).digest
            told_of = partial(told, f"{name}@{version}")
            done = copy_parameters(source.parameters_of(digest), target.begin_parameters(name, digest), history, told_of)
            keys, written = keys + done.keys, written + done.written
        copy(source, target, name, version, version)
    if head is not None:
        promote(target, name, head.champion, by=by, note="copied")
    return Copied(name, versions, head.champion if head else None, keys, written)
