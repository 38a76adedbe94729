"""Numbers of packages: claimed one after the other, never used twice, not even after a deletion."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from instream.errors import Conflict, NotFound
from instream.package import Version
from instream.stores.backend import Backend, claim, decoded, key_of, scan

VERSION_MAX = 2**31 - 1  # stamps are int32
_NAMES = "names"


class Entry(msgspec.Struct, frozen=True):
    """A version: which package it is and when it was published (Unix time, milliseconds)."""

    version: Version
    digest: str
    at_ms: int


class Deletion(msgspec.Struct, frozen=True):
    """That a version was deleted, and when; its number stays taken."""

    at_ms: int


class Versions:
    """Places: `names` (name), `versions/NAME` (number -> Entry), `deleted/NAME` (number -> Deletion)."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def names(self) -> tuple[str, ...]:
        """Models that ever had a version."""
        return tuple(name for name, _ in scan(self._backend, _NAMES) if self._backend.newest(_versions(name), 1))

    def entries(self, name: str) -> Iterator[Entry]:
        """Versions that are not deleted, in order."""
        deleted = self.deletions(name)
        return (entry for entry in self.every(name) if entry.version not in deleted)

    def every(self, name: str) -> Iterator[Entry]:
        """The deleted ones as well."""
        return (_entry(name, row) for _, row in scan(self._backend, _versions(name)))

    def deletions(self, name: str) -> dict[Version, Deletion]:
        rows = scan(self._backend, _deleted(name))
        return {Version(int(key)): decoded(row, Deletion, f"a deletion of {name}") for key, row in rows}

    def entry(self, name: str, version: Version) -> Entry:
        """Raises NotFound for a number that was never given or was deleted; says what there is."""
        row = self._backend.read(_versions(name), key_of(version))
        if row is None or self._backend.read(_deleted(name), key_of(version)) is not None:
            gone = "was deleted" if row else "is not in this store"
            raise NotFound(f"{name}@{version} {gone}; {self.what_there_is(name)}")
        return _entry(name, row)

    def what_there_is(self, name: str) -> str:
        """For messages: the newest versions of a model, or the models."""
        there = [entry.version for entry in self.entries(name)]
        if there:
            return f"{name} has {'…, ' if len(there) > 10 else ''}{', '.join(map(str, there[-10:]))}"
        names = self.names()
        return f"its models are {', '.join(names[:20])}" if names else "it has no models yet: `instream publish` makes one"

    def highest(self, name: str) -> int:
        """The greatest number ever given; 0 when there is none."""
        newest = self._backend.newest(_versions(name), 1)
        return int(newest[0][0]) if newest else 0

    def claim(self, name: str, digest: str, number: int | None, at_ms: int) -> Version:
        """Give a package its number: the one it has, else the wanted one, else the next.

        Numbers are tried one by one and each taken one is looked at, so that two publishers of one package meet.

        Raises:
            Conflict: the wanted number is another package's, or the package has another number.
        """
        deleted, newest = self.deletions(name), 0
        for entry in self.every(name):
            newest = entry.version
            if entry.digest == digest and newest not in deleted:
                return _agreed(name, newest, number)
        claim(self._backend, _NAMES, name, b"")
        candidate = number or newest + 1  # of this very scan: a number between it and a later look could be ours
        while candidate <= VERSION_MAX:
            mine = Entry(Version(candidate), digest, at_ms)
            kept = _entry(name, claim(self._backend, _versions(name), key_of(candidate), msgspec.json.encode(mine)))
            if kept.digest == digest and self._backend.read(_deleted(name), key_of(candidate)) is None:
                return mine.version
            if number is not None:
                raise Conflict(f"{name}@{number} is or was another publication (digest {kept.digest[:12]}); numbers are used once")
            candidate += 1
        raise Conflict(f"{name}: no number is left up to {VERSION_MAX:,}; publish under another name")

    def mark_deleted(self, name: str, version: Version, at_ms: int) -> None:
        claim(self._backend, _deleted(name), key_of(version), msgspec.json.encode(Deletion(at_ms)))

    def restore(self, name: str, version: Version) -> None:
        """Take a deletion back; its files are not collected before a day has passed."""
        self._backend.delete(_deleted(name), key_of(version))


def _agreed(name: str, version: Version, wanted: int | None) -> Version:
    if wanted not in (None, version):
        raise Conflict(f"this package is {name}@{version} already and cannot be {name}@{wanted} as well")
    return version


def _entry(name: str, row: bytes) -> Entry:
    return decoded(row, Entry, f"an entry of the versions of {name}")


def _versions(name: str) -> str:
    return f"versions/{name}"


def _deleted(name: str) -> str:
    return f"deleted/{name}"
