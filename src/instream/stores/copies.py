"""The bytes of packages: written in chunks under a fresh name, read again and checked, and only then known by digest."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from functools import partial

import msgspec

from instream.errors import PackageCorrupt
from instream.flow import points
from instream.package import File, Manifest, Package, manifest_from
from instream.stores.backend import Backend, claim, scan
from instream.stores.cache import Cache
from instream.stores.chunks import Chunks


class Upload(msgspec.Struct, frozen=True):
    """Who began to write which package, so that what a killed writer left can be found and collected."""

    name: str
    digest: str
    at_ms: int


UPLOADS = "uploads"


def copies_place(digest: str) -> str:
    """Uploads of a package that are complete; normally one."""
    return f"copies/{digest}"


class Copies:
    """Complete copies of packages by digest.

    Places: `uploads` (upload -> Upload), `copies/DIGEST` (its complete uploads), and those of its chunks.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def keep(self, package: Package, at_ms: int) -> None:
        """See that an intact copy is there. Every byte is read again and checked before this returns."""
        for upload, _ in scan(self._backend, copies_place(package.manifest.digest)):
            if self._intact(upload, package.manifest):
                return
        upload = self._write(package, at_ms)
        if not self._intact(upload, package.manifest):
            raise PackageCorrupt(f"{package.manifest.name}: what the store kept is not what was written; check its disk and publish again")
        claim(self._backend, copies_place(package.manifest.digest), upload, b"")

    def known(self, digest: str) -> bool:
        """Whether a complete copy was written; its bytes are not looked at."""
        return bool(self._backend.rows(copies_place(digest), "", 1))

    def manifest(self, digest: str) -> Manifest:
        """Raises PackageCorrupt when no copy has a manifest with this digest."""
        for _, manifest in self._readable(digest):
            return manifest
        raise self._lost(digest)

    def open(self, digest: str, cache: Cache) -> Package:
        """The package's files, from the cache or from the first copy that is intact."""
        fault: PackageCorrupt | None = None
        for upload, manifest in self._readable(digest):
            try:
                return cache.open(manifest, partial(self._chunks(upload).of, manifest))
            except PackageCorrupt as error:
                fault = error
        raise fault or self._lost(digest)

    def _lost(self, digest: str) -> PackageCorrupt:
        return PackageCorrupt(f"no copy of the package {digest[:12]} has an intact manifest")

    def _readable(self, digest: str) -> Iterator[tuple[str, Manifest]]:
        for upload, _ in scan(self._backend, copies_place(digest)):
            encoded = self._chunks(upload).manifest_bytes()
            if hashlib.sha256(encoded).hexdigest() == digest:
                yield upload, manifest_from(encoded)

    def _write(self, package: Package, at_ms: int) -> str:
        upload = uuid.uuid4().hex
        manifest = package.manifest
        claim(self._backend, UPLOADS, upload, msgspec.json.encode(Upload(manifest.name, manifest.digest, at_ms)))
        points.reached("publishing")
        self._chunks(upload).write(package)
        return upload

    def _intact(self, upload: str, manifest: Manifest) -> bool:
        chunks = self._chunks(upload)
        return chunks.manifest_bytes() == manifest.encoded() and all(_intact(chunks, manifest, file) for file in manifest.files)

    def _chunks(self, upload: str) -> Chunks:
        return Chunks(self._backend, upload)

    def remove(self, upload: str) -> None:
        """Free an upload's rows; its entry goes last, so that a removal that was cut short is taken up again."""
        self._chunks(upload).remove()
        self._backend.delete(UPLOADS, upload)


def _intact(chunks: Chunks, manifest: Manifest, file: File) -> bool:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks.of(manifest, file):
        digest.update(chunk)
        size += len(chunk)
    return size == file.bytes and digest.hexdigest() == file.sha256
