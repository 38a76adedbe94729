"""A model at a glance: its versions, what is in force, and what the workers say."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from instream.errors import NotFound, PackageError
from instream.head import Head
from instream.package import Version
from instream.report import Report
from instream.stores.store import Store


class Line(msgspec.Struct, frozen=True):
    """One version.

    Attributes:
        formats: of its steps, in the order they run; of a keyed package its architecture and key; empty when the manifest cannot be read.
        bytes: of all its files.
        names: what the head calls it: `champion`, labels.
        problem: why it cannot be used; empty when its manifest is intact.
    """

    version: Version
    digest: str
    published_ms: int
    formats: tuple[str, ...] = ()
    bytes: int = 0
    metrics: Mapping[str, float] = {}
    names: tuple[str, ...] = ()
    problem: str = ""


class Overview(msgspec.Struct, frozen=True):
    """One model; `head` is None between a first publish that was cut short and the next."""

    name: str
    head: Head | None
    versions: tuple[Line, ...]
    workers: tuple[Report, ...]


def overview(store: Store, name: str) -> Overview:
    """Raises NotFound when the store does not know the model."""
    versions = store.versions(name)
    if not versions:
        names = store.names()
        there = f"its models are {', '.join(names[:20])}" if names else "it has none yet: `instream publish` makes one"
        raise NotFound(f"{name} is not in this store; {there}")
    head = next(iter(store.heads(name, 1)), None)
    return Overview(name, head, tuple(_line(store, name, version, head) for version in versions), store.reports(name))


def _line(store: Store, name: str, version: Version, head: Head | None) -> Line:
    entry = store.entry(name, version)
    names = _names(version, head)
    try:
        manifest = store.manifest(name, version)
    except PackageError as error:
        return Line(version, entry.digest, entry.at_ms, names=names, problem=str(error))
    formats = tuple(step.format for step in manifest.steps)
    if manifest.keyed:
        formats = (f"{manifest.keyed.architecture.get('type')} by {', '.join(manifest.keyed.key)}",)
    return Line(version, entry.digest, entry.at_ms, formats, sum(file.bytes for file in manifest.files), manifest.metrics, names)


def _names(version: Version, head: Head | None) -> tuple[str, ...]:
    if head is None:
        return ()
    champion = ("champion",) if head.champion == version else ()
    return champion + tuple(sorted(label for label, named in head.labels.items() if named == version))
