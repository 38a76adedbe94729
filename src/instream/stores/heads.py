"""Heads: an append-only list per model. Of two writers of one revision, one wins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from instream.errors import Conflict, NotFound
from instream.head import Head, Revision
from instream.package import Version
from instream.stores.backend import Backend, claim, decoded, key_of, scan

KEPT = 100
"""So many of the newest heads are kept, and all that are younger than a day."""


class Heads:
    """Places: `heads/NAME` (revision -> Head)."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def newest(self, name: str, limit: int) -> tuple[Head, ...]:
        """The newest first."""
        return tuple(_head(name, row) for _, row in self._backend.newest(_heads(name), limit))

    def revision(self, name: str) -> Revision:
        """The newest; 0 when there is none."""
        newest = self._backend.newest(_heads(name), 1)
        return Revision(int(newest[0][0]) if newest else 0)

    def has(self, name: str, revision: int) -> bool:
        return self._backend.read(_heads(name), key_of(revision)) is not None

    def at(self, name: str, revision: Revision) -> Head:
        row = self._backend.read(_heads(name), key_of(revision))
        if row is None:
            raise NotFound(f"{name} has no head {revision}; the newest is {self.revision(name)}, and {KEPT} are kept")
        return _head(name, row)

    def all(self, name: str) -> Iterator[Head]:
        """Every kept head, the oldest first."""
        return (_head(name, row) for _, row in scan(self._backend, _heads(name)))

    def append_first(self, head: Head) -> None:
        """Revision 1; another publisher's first head does as well."""
        claim(self._backend, _heads(head.name), key_of(head.revision), msgspec.json.encode(head))

    def append(self, head: Head) -> Head:
        """Insert as the next revision. Offering a head again that was kept changes nothing.

        Raises:
            Conflict: somebody else's head has this revision, or it is not the next one.
        """
        newest = self.revision(head.name)
        if head.revision > newest + 1:
            raise Conflict(f"{head.name}: head {head.revision} was offered, but the newest is {newest}; read it and offer its next")
        kept = self._backend.read(_heads(head.name), key_of(head.revision))
        if kept is None and head.revision == newest + 1:
            kept = claim(self._backend, _heads(head.name), key_of(head.revision), msgspec.json.encode(head))
        winner = _head(head.name, kept) if kept is not None else None
        if winner is None or winner.id != head.id:
            by = f" by {winner.by} (champion {winner.champion})" if winner else ""
            raise Conflict(f"{head.name}: head {head.revision} was written{by} in the meantime; read the newest head and try again")
        return winner

    def collect(self, name: str, before_ms: int) -> None:
        """Remove all but the newest, and of those only what is old."""
        newest = self.revision(name)
        for key, row in scan(self._backend, _heads(name)):
            if int(key) > newest - KEPT or _head(name, row).at_ms > before_ms:
                return
            self._backend.delete(_heads(name), key)


def named(heads: Iterable[Head]) -> set[Version]:
    """Versions that these heads name, by a label or otherwise."""
    return {version for head in heads for version in (*head.versions, *head.labels.values())}


def _head(name: str, row: bytes) -> Head:
    return decoded(row, Head, f"a head of {name}")


def _heads(name: str) -> str:
    return f"heads/{name}"
