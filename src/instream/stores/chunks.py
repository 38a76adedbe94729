"""The bytes of one upload of a package, in rows of bounded size and places of bounded length."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from instream.errors import PackageError
from instream.flow import points
from instream.package import MANIFEST_BYTES_MAX, File, Manifest, Package
from instream.stores.backend import Backend, claim, key_of

CHUNK_BYTES = 256 << 10
_PLACE_CHUNKS = 128  # some databases keep a place whole on one machine
_MANIFEST = ""


class Chunks:
    """Of an upload, in the places `bytes/UPLOAD`, `bytes/UPLOAD.1` and so on, 128 chunks in each.

    Their keys are `NAME/NUMBER` for a file's, and `/NUMBER` for those of the manifest, which no file is called; the
    manifest is in the first place, since it must be read before the others can be counted.
    """

    def __init__(self, backend: Backend, upload: str) -> None:
        self._backend = backend
        self._upload = upload

    def write(self, package: Package) -> None:
        nth = 0
        for file in package.manifest.files:
            for number, chunk in enumerate(_read(package.path(file.name))):
                claim(self._backend, self._place(nth), _key(file.name, number), chunk)
                nth += 1
                points.reached("publishing")
        encoded = package.manifest.encoded()
        if len(encoded) > MANIFEST_BYTES_MAX:
            raise PackageError(f"{package.manifest.name}: a manifest of {len(encoded):,} bytes, at most {MANIFEST_BYTES_MAX:,} are kept")
        for number, start in enumerate(range(0, len(encoded), CHUNK_BYTES)):
            claim(self._backend, self._place(0), _key(_MANIFEST, number), encoded[start : start + CHUNK_BYTES])
            points.reached("publishing")

    def of(self, manifest: Manifest, file: File) -> Iterator[bytes]:
        """At most as many as the size in the manifest allows; one that is absent ends the file early."""
        first = sum(map(_count, manifest.files[: manifest.files.index(file)]))
        for number in range(_count(file)):
            chunk = self._backend.read(self._place(first + number), _key(file.name, number))
            if chunk is None:
                return
            yield chunk

    def manifest_bytes(self) -> bytes:
        chunks: list[bytes] = []
        while len(chunks) * CHUNK_BYTES <= MANIFEST_BYTES_MAX:
            chunk = self._backend.read(self._place(0), _key(_MANIFEST, len(chunks)))
            if chunk is None:
                break
            chunks.append(chunk)
        return b"".join(chunks)

    def remove(self) -> None:
        """From the last place to the first: the first empty one ends them, also after a removal that was cut short."""
        places = [self._place(0)]
        while self._backend.rows(following := self._place(len(places) * _PLACE_CHUNKS), "", 1):
            places.append(following)
        for place in reversed(places):
            self._backend.clear(place)

    def _place(self, nth: int) -> str:
        """Of the nth chunk, counted through all files."""
        number = nth // _PLACE_CHUNKS
        return f"bytes/{self._upload}.{number}" if number else f"bytes/{self._upload}"


def _count(file: File) -> int:
    return -(-file.bytes // CHUNK_BYTES)


def _key(file: str, number: int) -> str:
    return f"{file}/{key_of(number)}"


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk
