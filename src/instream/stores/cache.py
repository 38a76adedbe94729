"""Files of packages on this machine's disk, shared by its processes, keyed by the package's digest."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from instream.errors import PackageCorrupt, SettingsInvalid, StoreError
from instream.package import File, Manifest, Package, sha256_of
from instream.stores.holding import hold, removed, turn

BYTES_MAX = 10 << 30
_ATTEMPTS = 10
_ABANDONED_S = 60.0  # an unlocked folder without a final name is no longer being made

Fetch = Callable[[File], Iterator[bytes]]
"""Gives the bytes of a file of the package, in order."""


def default_cache() -> Cache:
    """`INSTREAM_CACHE` (a folder; default ~/.cache/instream/packages) and `INSTREAM_CACHE_BYTES` (default 10 GiB)."""
    folder = os.environ.get("INSTREAM_CACHE")
    limit = os.environ.get("INSTREAM_CACHE_BYTES", str(BYTES_MAX))
    if not limit.isdecimal() or not int(limit):
        raise SettingsInvalid(f"INSTREAM_CACHE_BYTES={limit}: expected a number of bytes, such as {BYTES_MAX}")
    return Cache(Path(folder) if folder else Path.home() / ".cache" / "instream" / "packages", int(limit))


class Cache:
    """Opens packages; what is in use is locked (`flock`), so that no process removes it under another."""

    def __init__(self, folder: Path, bytes_max: int = BYTES_MAX) -> None:
        self._folder = folder
        self._bytes_max = bytes_max

    def open(self, manifest: Manifest, fetch: Fetch) -> Package:
        """The package's files on this disk, every one compared with its digest.

        What is absent or altered here is fetched. The files stay at least as long as the returned object lives.

        Raises:
            PackageCorrupt: what was fetched is not what the manifest says.
            StoreError: no room.
        """
        try:
            return self._open(self._folder / manifest.digest, manifest, fetch)
        except OSError as error:
            raise StoreError(
                f"{self._folder}: {error}; the cache must be writable and have room, INSTREAM_CACHE names another folder"
            ) from error

    def _open(self, final: Path, manifest: Manifest, fetch: Fetch) -> Package:
        for _ in range(_ATTEMPTS):
            if (held := hold(final)) is None:
                self._fill(final, manifest, fetch)
                continue
            try:
                _complete(final, manifest, fetch)
                os.utime(final)  # the least recently opened goes first
            except BaseException:
                os.close(held)
                raise
            package = Package(manifest, final)
            weakref.finalize(package, os.close, held)
            return package
        raise StoreError(f"{final} was removed {_ATTEMPTS} times while it was opened; give the cache more room (INSTREAM_CACHE_BYTES)")

    def _fill(self, final: Path, manifest: Manifest, fetch: Fetch) -> None:
        """Fetch under a temporary name, then rename: nobody sees half a package."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with turn(self._folder / f".turn-{manifest.digest[:2]}"):
            if final.is_dir():
                return
            self._make_room(sum(file.bytes for file in manifest.files))
            making = self._folder / f".making-{uuid.uuid4().hex}"
            making.mkdir()
            held = hold(making)
            try:
                _complete(making, manifest, fetch)
                making.rename(final)
            except OSError:
                if not final.is_dir():  # else another process was faster
                    raise
            finally:
                shutil.rmtree(making, ignore_errors=True)  # nothing is there once it was renamed
                if held is not None:
                    os.close(held)

    def _make_room(self, needed: int) -> None:
        """Remove what was not opened for longest and is not in use. Raises StoreError when that is not enough."""
        entries = sorted(_entries(self._folder))
        total = sum(size for _, size, _ in entries) + needed
        for touched, size, folder in entries:
            making = folder.name.startswith(".")
            unwanted = time.time() - touched > _ABANDONED_S if making else total > self._bytes_max
            if unwanted and removed(folder):
                total -= size
        if total > self._bytes_max:
            raise StoreError(
                f"{self._folder}: {needed:,} bytes do not fit, {total - needed:,} of {self._bytes_max:,} are in use; "
                "raise INSTREAM_CACHE_BYTES or stop processes that hold other models"
            )


def _complete(folder: Path, manifest: Manifest, fetch: Fetch) -> None:
    """Fetch each file that is not as the manifest says; a replaced file keeps its path."""
    for file in manifest.files:
        path = folder / file.name
        if path.is_file() and path.stat().st_size == file.bytes and sha256_of(path) == file.sha256:
            continue
        partial = folder / f".{uuid.uuid4().hex}"
        try:
            _write(partial, file, fetch(file))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def _write(path: Path, file: File, chunks: Iterator[bytes]) -> None:
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as stream:
        for chunk in chunks:
            size += len(chunk)
            if size > file.bytes:
                break
            digest.update(chunk)
            stream.write(chunk)
    if size != file.bytes or digest.hexdigest() != file.sha256:
        raise PackageCorrupt(f"{file.name} in the store is not what the manifest says (digest {file.sha256[:12]})")
    path.chmod(0o444)


def _entries(cache: Path) -> Iterator[tuple[float, int, Path]]:
    """When each folder was touched last, and its bytes; without those that vanish meanwhile."""
    for entry in os.scandir(cache):
        try:
            if entry.is_dir():
                yield entry.stat().st_mtime, sum(file.stat().st_size for file in os.scandir(entry)), Path(entry)
        except FileNotFoundError:
            continue
