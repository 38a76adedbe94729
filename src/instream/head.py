"""A head: which version of a model is in force. Append-only; the newest revision counts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, NewType

import msgspec

from instream.errors import PackageRefused
from instream.package import Version

Revision = NewType("Revision", int)
"""Of a head; from 1, without gaps."""

FORMAT = 1


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """One revision.

    Attributes:
        id: unique; after an unknown result of a write, the writer compares it with what was kept.
        at_ms: Unix time, milliseconds; for people, never for ordering.
        rollout: how rows are divided among versions; None gives all to the champion.
        labels: names for versions, such as `candidate`.
    """

    format: int = FORMAT
    name: str
    revision: Revision
    id: str
    at_ms: int
    by: str
    note: str = ""
    champion: Version
    rollout: Mapping[str, Any] | None = None
    labels: Mapping[str, Version] = {}

    @property
    def versions(self) -> tuple[Version, ...]:
        """Those that must be loaded before this head is adopted."""
        return (self.champion,)

    def next(self, *, champion: Version, by: str, at_ms: int, note: str = "") -> Head:
        """The revision after this one, not yet in any store."""
        return Head(
            name=self.name,
            revision=Revision(self.revision + 1),
            id=uuid.uuid4().hex,
            at_ms=at_ms,
            by=by,
            note=note,
            champion=champion,
            labels=self.labels,
        )


def first_head(name: str, champion: Version, *, by: str, at_ms: int) -> Head:
    """Revision 1, which the first publish makes."""
    return Head(name=name, revision=Revision(1), id=uuid.uuid4().hex, at_ms=at_ms, by=by, note="first publish", champion=champion)


def check_head(head: Head) -> None:
    """Refuse what this instream does not understand; a newer one may have written it.

    Raises:
        PackageRefused: unknown format or rollout kind; the old head goes on.
    """
    if head.format != FORMAT:
        raise PackageRefused(f"{head.name}: head {head.revision} has format {head.format}, this instream knows {FORMAT}; upgrade it")
    if head.rollout is not None:
        raise PackageRefused(
            f"{head.name}: head {head.revision} has a rollout of unknown kind {head.rollout.get('kind')!r}; upgrade instream"
        )
