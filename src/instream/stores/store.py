"""The store: packages, their numbers, heads, reports and the feed. Every rule is here or in the files beside it."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from instream.errors import InUse, NotFound, PackageCorrupt, StoreError
from instream.flow import points
from instream.flow.clock import SYSTEM, Clock
from instream.flow.deadline import Deadline, deadline_in
from instream.head import Head, Revision, check_head, first_head
from instream.package import Manifest, Package, Version
from instream.report import Report
from instream.settings import NAME
from instream.stores.backend import Backend, claim
from instream.stores.cache import Cache
from instream.stores.collection import collect
from instream.stores.copies import Copies
from instream.stores.feed import Changes, Feed
from instream.stores.heads import Heads, named
from instream.stores.hot_keys import HotKeys
from instream.stores.parameter_rows import ParameterRows
from instream.stores.parameter_sets import Told, fill, register, settled
from instream.stores.parameters import Parameters
from instream.stores.reports import Reports
from instream.stores.versions import VERSION_MAX, Entry, Versions

PUBLISHER = "publish"
"""Who wrote the first head of a model."""


class Store:
    """What `open_store` returns. Thread-safe; any number of processes use one store at a time.

    Nothing here needs a transaction: a backend inserts a row when it is absent, and order does the rest. Bytes come
    before the number that shows them, and a head comes after the versions that it names.
    """

    def __init__(self, backend: Backend, cache: Cache, clock: Clock = SYSTEM) -> None:
        self.backend = backend
        self._cache = cache
        self._clock = clock
        self._closed = threading.Event()
        self._copies = Copies(backend)
        self._versions = Versions(backend)
        self._heads = Heads(backend)
        self._reports = Reports(backend)
        self._hot_keys = HotKeys(backend)
        self._identity = _identity(backend)
        self._feed = Feed(backend, self._identity, self._heads, self._versions)

    def put(self, package: Package, number: int | None = None) -> Version:
        """Publish a package: all of it becomes visible, or nothing.

        The same package again gets the number that it has, and is repaired if the store's copy was damaged. The first
        version of a model becomes its champion.

        Args:
            number: the wanted one; by default the next. Numbers of deleted versions are not used again.
        Returns:
            Its version, after every byte was read from the store again and checked.
        Raises:
            PackageCorrupt: the files given, or what the store kept, do not match the manifest.
            Conflict: the number is taken, or the package has another one.
        """
        manifest = package.manifest
        _check_name(manifest.name)
        if number is not None and not 1 <= number <= VERSION_MAX:
            raise StoreError(f"{manifest.name}@{number}: a version is a number from 1 to {VERSION_MAX:,}")
        package.verify()
        now_ms = self._clock.wall_ms()
        self._copies.keep(package, now_ms)
        points.reached("publishing")
        version = self._versions.claim(manifest.name, manifest.digest, number, now_ms)
        points.reached("publishing")
        if not self._copies.known(manifest.digest):  # an old copy, collected before our number could be seen
            self._copies.keep(package, now_ms)
        if not self._heads.revision(manifest.name):
            self._heads.append_first(first_head(manifest.name, version, by=PUBLISHER, at_ms=now_ms))
        self.collect()
        return version

    def put_keyed(
        self, package: Package, parameters: Mapping[str, bytes], number: int | None = None, told: Told = lambda done: None
    ) -> Version:
        """Publish a keyed package with the parameters of its keys, which are there before anybody can see it.

        Keys of this package that have parameters already keep them, so that a publication which was cut short can be
        repeated, and the same package again changes nothing.

        Args:
            parameters: canonical text -> payload; may read each from a disk when it is asked for.
            told: how many keys have theirs, from time to time.
        Raises:
            StoreError: as `put`; or this kind of store keeps no parameters.
        """
        manifest = package.manifest
        _check_name(manifest.name)
        given = self.begin_parameters(manifest.name, manifest.digest)
        fill(given, parameters, told)
        version = self.put(package, number)
        settled(self.backend, manifest.digest, self._clock, self._closed)
        fill(given, parameters)  # an old set may have been collected before our number could be seen
        return version

    def manifest(self, name: str, version: Version) -> Manifest:
        """Raises NotFound; PackageCorrupt when it is not what was published."""
        digest = self._versions.entry(name, version).digest
        with _named(name, version):
            return self._copies.manifest(digest)

    def open(self, name: str, version: Version) -> Package:
        """The package, its files on this disk, each compared with its digest now.

        They stay there at least while the returned object lives.

        Raises:
            NotFound: no such version.
            PackageCorrupt: no copy in the store is intact; publishing the package again repairs it.
        """
        digest = self._versions.entry(name, version).digest
        with _named(name, version):
            return self._copies.open(digest, self._cache)

    def names(self) -> tuple[str, ...]:
        """Models of this store, in order."""
        return self._versions.names()

    def versions(self, name: str) -> tuple[Version, ...]:
        """Numbers of a model's packages, in order; none for an unknown model."""
        return tuple(entry.version for entry in self._versions.entries(name))

    def entry(self, name: str, version: Version) -> Entry:
        """Digest of a version and when it was published. Raises NotFound."""
        return self._versions.entry(name, version)

    def delete(self, name: str, version: Version) -> None:
        """Hide a version; its files go a day later.

        Raises:
            InUse: a kept head names it.
            NotFound: there is no such version.
        """
        self._versions.entry(name, version)
        self._refuse_if_named(name, version)
        self._versions.mark_deleted(name, version, self._clock.wall_ms())
        try:
            self._refuse_if_named(name, version)  # by a head that was appended before the mark could be seen
        except InUse:
            self._versions.restore(name, version)
            raise

    def head(self, name: str) -> Head:
        """The newest head, the one in force. Raises NotFound."""
        newest = self._heads.newest(name, 1)
        if not newest:
            raise NotFound(f"{name} has no head in this store; {self._versions.what_there_is(name)}")
        return newest[0]

    def head_at(self, name: str, revision: Revision) -> Head:
        """A head by its revision. Raises NotFound."""
        return self._heads.at(name, revision)

    def heads(self, name: str, limit: int = 10) -> tuple[Head, ...]:
        """The newest first."""
        return self._heads.newest(name, limit)

    def append_head(self, head: Head) -> Head:
        """Put a head in force; it must be the revision after the newest.

        Raises:
            Conflict: somebody else was faster. After an error that leaves it open, offer the same head again.
            NotFound: it names a version that is not there.
            PackageRefused: its format or rollout is unknown.
        """
        _check_name(head.name)
        check_head(head)
        for version in sorted(named([head])):
            self._versions.entry(head.name, version)
        kept = self._heads.append(head)
        for version in named([head]) & set(self._versions.deletions(head.name)):
            self._versions.restore(head.name, version)  # deleted in between: the head came first
        return kept

    def report(self, report: Report) -> None:
        """Keep it as the newest of its worker, for `REPORT_LIVES_MS`."""
        self._reports.write(report)

    def withdraw(self, report: Report) -> None:
        """Forget the worker of this report: it ends on purpose."""
        self._reports.remove(report)

    def reports(self, name: str) -> tuple[Report, ...]:
        """The newest report of each live worker."""
        return self._reports.live(name, self._clock.wall_ms())

    def keep_hot_keys(self, name: str, worker: str, keys: Sequence[str]) -> None:
        """Keys of a keyed model that a worker used last, the most recent first; what is too many is left out."""
        self._hot_keys.write(name, worker, keys, self._clock.wall_ms())

    def hot_keys(self, name: str) -> tuple[str, ...]:
        """Keys (canonical texts) that workers of the last week used last."""
        return self._hot_keys.read(name, self._clock.wall_ms())

    def cursor(self, names: Iterable[str] | None = None) -> str:
        """Where these models (by default all) are now. Take it before reading what `changes` is to keep fresh."""
        return self._feed.cursor(self._asked(names))

    def changes(self, since: str, names: Iterable[str] | None = None, limit: int = 1000, timeout_s: float = 0.0) -> Changes:
        """What moved since a cursor; waits up to `timeout_s` for something to move.

        Never misses a move, may tell one again. `reset` when the cursor is older than what is kept, or not of this
        store: then look at everything again. `close` ends the wait; afterwards this raises StoreError, as all else does.
        """
        wanted = None if names is None else tuple(names)
        deadline = deadline_in(timeout_s, self._clock)
        while True:
            mark = self.backend.mark()
            found = self._feed.since(since, self._asked(wanted), limit)
            if found.moved or found.reset:
                return found
            if not self._written_since(mark, deadline):
                return found

    def _written_since(self, mark: object, deadline: Deadline) -> bool:
        """Wait until something was written, at most to the deadline or until `close`."""
        while (left_s := deadline.left_s(self._clock)) > 0:
            if self._clock.wait(self._closed, min(left_s, self.backend.poll_s)):
                return False
            if self.backend.mark() != mark:
                return True
        return False

    def parameters(self, name: str, version: Version) -> Parameters:
        """The parameters of a keyed package's keys.

        Raises:
            NotFound: no such version.
            StoreError: this kind of store keeps none.
        """
        return self.parameters_of(self._versions.entry(name, version).digest)

    def parameters_of(self, digest: str) -> Parameters:
        """The same for a package that is not published yet: they come first, as nothing else can be seen whole."""
        rows: ParameterRows | None = getattr(self.backend, "parameters", None)
        if rows is None:
            raise StoreError("this kind of store keeps no parameters of keyed models; a file, sqlite, postgresql or cassandra store does")
        return Parameters(rows, digest, self._identity, self._closed, self._clock)

    def begin_parameters(self, name: str, digest: str) -> Parameters:
        """The same for who is about to publish it. Unless a version of the model is that package a day later, they are collected."""
        given = self.parameters_of(digest)
        register(self.backend, name, digest, self._clock.wall_ms())
        return given

    def collect(self) -> int:
        """Remove what nothing refers to and is a day old; `put` does it as well. Returns how many uploads and sets went."""
        return collect(
            self.backend,
            self._copies,
            self._versions,
            self._heads,
            self._clock.wall_ms(),
            lambda digest: self.parameters_of(digest).clear(),
        )

    def close(self) -> None:
        """Wake who waits for changes, and let go of the database."""
        self._closed.set()
        self.backend.close()

    def _asked(self, names: Iterable[str] | None) -> tuple[str, ...]:
        return self.names() if names is None else tuple(names)

    def _refuse_if_named(self, name: str, version: Version) -> None:
        for head in self._heads.all(name):
            check_head(head)  # a newer instream may name versions where this one does not look
            if version in named([head]):
                raise InUse(f"{name}@{version} is named by head {head.revision}, which is kept; delete it once that head is collected")


def _identity(backend: Backend) -> str:
    """Made once with the store. Who only reads need not wait for a writer to find it."""
    return (backend.read("store", "id") or claim(backend, "store", "id", uuid.uuid4().hex.encode())).decode()


@contextmanager
def _named(name: str, version: Version) -> Iterator[None]:
    try:
        yield
    except PackageCorrupt as error:
        raise PackageCorrupt(f"{name}@{version}: {error}; publish the same package again: that repairs it") from error


def _check_name(name: str) -> None:
    if not re.fullmatch(NAME, name):
        raise StoreError(f"model name {name!r}: expected letters, digits, dot, dash or underscore, at most 100, first a letter or digit")
