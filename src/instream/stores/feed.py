"""What moved since a cursor. Derived from the rows themselves, so nothing can be written that it misses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from instream.stores.backend import Backend
from instream.stores.heads import Heads
from instream.stores.versions import Versions


class Changes(msgspec.Struct, frozen=True):
    """Names whose newest head or version is another one. What they are now is to be read.

    Attributes:
        cursor: where to go on from.
        moved: may name a model again that did not move.
        reset: the old cursor says nothing here; whatever was kept of this store must be looked at again.
    """

    cursor: str
    moved: tuple[str, ...]
    reset: bool = False


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Of one model: its newest head revision and the greatest version number."""

    revision: int = 0
    version: int = 0


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    store: str
    positions: dict[str, Position]


class Feed:
    """The heads of a model are its log: revisions have no gaps, and old ones are collected.

    A writer that is killed at any point has either moved a head or has not: there is no second record that could
    disagree. The price is one small read for each name that is followed.
    """

    def __init__(self, backend: Backend, store: str, heads: Heads, versions: Versions) -> None:
        self._backend = backend
        self._store = store
        self._heads = heads
        self._versions = versions

    def cursor(self, names: Iterable[str]) -> str:
        return self._encode({name: self._position(name) for name in names})

    def since(self, cursor: str, names: Iterable[str], limit: int) -> Changes:
        """What moved, without waiting; at most `limit` names, the others next time."""
        old = self._decode(cursor)
        if old is None:
            return Changes(self.cursor(names), (), reset=True)
        positions, moved = dict(old), list[str]()
        for name in names:
            now, before = self._position(name), old.get(name, Position())
            if now == before:
                continue
            if self._lost(name, before, now):
                return Changes(self.cursor(names), (), reset=True)
            if len(moved) == limit:
                break
            positions[name] = now
            moved.append(name)
        return Changes(self._encode(positions), tuple(moved))

    def _lost(self, name: str, before: Position, now: Position) -> bool:
        """Whether the store went back (a backup), or the head that followed was collected."""
        if now.revision < before.revision or now.version < before.version:
            return True
        return 0 < before.revision < now.revision and not self._heads.has(name, before.revision + 1)

    def _position(self, name: str) -> Position:
        return Position(self._heads.revision(name), self._versions.highest(name))

    def _encode(self, positions: Mapping[str, Position]) -> str:
        return msgspec.json.encode(_Cursor(self._store, dict(positions))).decode()

    def _decode(self, cursor: str) -> dict[str, Position] | None:
        """None for a cursor of another store, or of a store that was made anew in the same place."""
        try:
            found = msgspec.json.decode(cursor, type=_Cursor)
        except msgspec.MsgspecError:
            return None
        return found.positions if found.store == self._store else None
