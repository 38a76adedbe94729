"""The bytes of packages: written in chunks under a fresh name, read again and checked, and only then known by digest."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from instream.errors import PackageCorrupt, PackageError
from instream.flow import points
from instream.package import MANIFEST_BYTES_MAX, File, Manifest, Package, manifest_from
from instream.stores.backend import Backend, claim, key_of, scan
from instream.stores.cache import Cache

CHUNK_BYTES = 256 << 10


class Upload(msgspec.Struct, frozen=True):
    """Who began to write which package, so that what a killed writer left can be found and collected."""

    name: str
    digest: str
    at_ms: int


UPLOADS = "uploads"
_MANIFEST = ""


def copies_place(digest: str) -> str:
    """Uploads of a package that are complete; normally one."""
    return f"copies/{digest}"


class Copies:
    """Complete copies of packages by digest.

    Places: `uploads` (upload -> Upload), `copies/DIGEST` (its complete uploads), `bytes/UPLOAD` (chunks of its files
    under `NAME/NUMBER`, and of the manifest under `/NUMBER`, which no file is called).
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
                return cache.open(manifest, partial(self._chunks, upload))
            except PackageCorrupt as error:
                fault = error
        raise fault or self._lost(digest)

    def _lost(self, digest: str) -> PackageCorrupt:
        return PackageCorrupt(f"no copy of the package {digest[:12]} has an intact manifest")

    def _readable(self, digest: str) -> Iterator[tuple[str, Manifest]]:
        for upload, _ in scan(self._backend, copies_place(digest)):
            encoded = self._manifest_bytes(upload)
            if hashlib.sha256(encoded).hexdigest() == digest:
                yield upload, manifest_from(encoded)

    def _write(self, package: Package, at_ms: int) -> str:
        upload = uuid.uuid4().hex
        manifest = package.manifest
        claim(self._backend, UPLOADS, upload, msgspec.json.encode(Upload(manifest.name, manifest.digest, at_ms)))
        points.reached("publishing")
        for file in manifest.files:
            for number, chunk in enumerate(_read(package.path(file.name))):
                claim(self._backend, _bytes_place(upload), _chunk_key(file.name, number), chunk)
                points.reached("publishing")
        encoded = manifest.encoded()
        if len(encoded) > MANIFEST_BYTES_MAX:
            raise PackageError(f"{manifest.name}: a manifest of {len(encoded):,} bytes, at most {MANIFEST_BYTES_MAX:,} are kept")
        for number, start in enumerate(range(0, len(encoded), CHUNK_BYTES)):
            claim(self._backend, _bytes_place(upload), _chunk_key(_MANIFEST, number), encoded[start : start + CHUNK_BYTES])
            points.reached("publishing")
        return upload

    def _intact(self, upload: str, manifest: Manifest) -> bool:
        return self._manifest_bytes(upload) == manifest.encoded() and all(self._file_intact(upload, file) for file in manifest.files)

    def _file_intact(self, upload: str, file: File) -> bool:
        digest, size = hashlib.sha256(), 0
        for chunk in self._chunks(upload, file):
            digest.update(chunk)
            size += len(chunk)
        return size == file.bytes and digest.hexdigest() == file.sha256

    def _chunks(self, upload: str, file: File) -> Iterator[bytes]:
        """At most as many as the size in the manifest allows; one that is absent ends the file early."""
        for number in range(-(-file.bytes // CHUNK_BYTES)):
            chunk = self._backend.read(_bytes_place(upload), _chunk_key(file.name, number))
            if chunk is None:
                return
            yield chunk

    def _manifest_bytes(self, upload: str) -> bytes:
        chunks: list[bytes] = []
        while len(chunks) * CHUNK_BYTES <= MANIFEST_BYTES_MAX:
            chunk = self._backend.read(_bytes_place(upload), _chunk_key(_MANIFEST, len(chunks)))
            if chunk is None:
                break
            chunks.append(chunk)
        return b"".join(chunks)

    def remove(self, upload: str) -> None:
        """Free an upload's rows; its entry goes last, so that a removal that was cut short is taken up again."""
        self._backend.clear(_bytes_place(upload))
        self._backend.delete(UPLOADS, upload)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _bytes_place(upload: str) -> str:
    return f"bytes/{upload}"


def _chunk_key(file: str, number: int) -> str:
    return f"{file}/{key_of(number)}"
