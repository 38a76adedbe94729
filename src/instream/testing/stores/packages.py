"""Packages and their numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from instream.errors import Conflict, NotFound, PackageCorrupt, StoreError
from instream.package import Package, Version
from instream.stores import Store, copy, open_store
from instream.stores.backend import scan
from instream.stores.chunks import CHUNK_BYTES, Chunks
from instream.stores.copies import copies_place
from instream.testing.packages import tiny_package
from instream.testing.stores.fixtures import StoreFixtures, at_once, flip


class PackageLaws(StoreFixtures):
    """Packages and their numbers."""

    @pytest.mark.parametrize("padding", [0, 1, CHUNK_BYTES - 4, CHUNK_BYTES - 3, 3 * CHUNK_BYTES + 17])
    def test_what_was_put_is_opened(self, store: Store, tmp_path: Path, padding: int) -> None:
        """Law 5: the same bytes, for files that end on, before and after the end of a chunk."""
        package = tiny_package(tmp_path, padding=bytes(padding))
        opened = store.open("delay", store.put(package))
        assert opened.manifest == package.manifest == store.manifest("delay", Version(1))
        assert opened.manifest.digest == store.entry("delay", Version(1)).digest
        for file in package.manifest.files:
            assert opened.path(file.name).read_bytes() == package.path(file.name).read_bytes()

    def test_a_package_is_published_once(self, store: Store, package: Package, second: Package) -> None:
        """Law 5: the same package has the same number, whoever puts it and how often."""
        assert [store.put(each) for each in (package, second, package, second)] == [1, 2, 1, 2]
        assert store.versions("delay") == (1, 2)
        assert store.names() == ("delay",)

    def test_publishers_at_once(self, store: Store, tmp_path: Path) -> None:
        """Law 5: each package gets one number, no number has two packages; the same package twice meets itself."""
        packages = [tiny_package(tmp_path, weight=float(each // 2)) for each in range(10)]
        numbers = at_once(store.put, packages)
        assert store.versions("delay") == (1, 2, 3, 4, 5)
        for number, package in zip(numbers, packages, strict=True):
            assert isinstance(number, int), number
            assert store.manifest("delay", number) == package.manifest

    def test_a_wanted_number(self, store: Store, package: Package, second: Package) -> None:
        """Law 5: it is given when it is free; a taken one, or a second one for a package, is a conflict."""
        assert store.put(package, 7) == 7
        assert store.put(package, 7) == 7
        with pytest.raises(Conflict, match="delay@7"):
            store.put(second, 7)
        with pytest.raises(Conflict, match="delay@7 already"):
            store.put(package, 8)
        assert store.put(second) == 8
        with pytest.raises(StoreError, match="from 1 to"):
            store.put(second, 0)

    def test_unknown_names(self, store: Store, package: Package) -> None:
        """What is not there is NotFound, and the message says what there is."""
        assert store.names() == ()
        assert store.versions("delay") == ()
        with pytest.raises(NotFound, match="no models yet"):
            store.head("delay")
        store.put(package)
        with pytest.raises(NotFound, match="delay has 1"):
            store.open("delay", Version(2))
        with pytest.raises(NotFound, match="its models are delay"):
            store.head("arrival")

    def test_altered_files_are_not_published(self, store: Store, package: Package) -> None:
        """Law 4: files that do not match their manifest are refused, and nothing becomes visible."""
        package.path("model.tiny").write_bytes(b"2.1\n")
        with pytest.raises(PackageCorrupt, match=r"model\.tiny"):
            store.put(package)
        assert store.names() == ()

    def test_a_copy_keeps_its_digest(self, store: Store, package: Package, second: Package, cache_folder: Path) -> None:
        """Law 5: a package is the same in every store, under whatever number."""
        other = open_store(f"memory://{cache_folder}-other")
        store.put(second)
        version = store.put(package)
        assert copy(store, other, "delay", version) == 1
        assert copy(store, other, "delay", Version(1), number=9) == 9
        assert other.entry("delay", Version(1)).digest == store.entry("delay", version).digest == package.manifest.digest
        assert other.open("delay", Version(1)).manifest == package.manifest

    @pytest.mark.parametrize("place", ["model", "manifest"])
    def test_a_flipped_byte_in_the_store_is_found(self, store: Store, package: Package, place: str) -> None:
        """Law 4: what is not what was published is refused, and publishing it again repairs it."""
        version = store.put(package)
        [(upload, _)] = scan(store.backend, copies_place(package.manifest.digest))
        key = "model.tiny/000000000001" if place == "model" else "/000000000000"
        flip(store, f"bytes/{upload}", key, 100)
        with pytest.raises(PackageCorrupt, match=r"delay@1.*publish"):
            store.open("delay", version)
        assert store.put(package) == version
        store.open("delay", version).verify()

    def test_a_large_package_is_spread(self, store: Store, package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
        """Law 7: a place has a bounded number of chunks, and none is left when a package goes."""
        monkeypatch.setattr("instream.stores.chunks._PLACE_CHUNKS", 2)
        store.open("delay", store.put(package)).verify()
        [(upload, _)] = scan(store.backend, copies_place(package.manifest.digest))
        places = [f"bytes/{upload}", *(f"bytes/{upload}.{number}" for number in range(1, 10))]
        lengths = [len(store.backend.rows(place, "", 100)) for place in places]
        assert lengths[0] == 3  # with the manifest's
        assert lengths[1] == 2
        assert max(lengths[2:]) <= 2
        Chunks(store.backend, upload).remove()
        assert [store.backend.rows(place, "", 100) for place in places] == [[]] * 10

    def test_a_lost_chunk_is_found(self, store: Store, package: Package) -> None:
        """Law 4: a file that ends early is not opened."""
        version = store.put(package)
        [(upload, _)] = scan(store.backend, copies_place(package.manifest.digest))
        store.backend.delete(f"bytes/{upload}", "model.tiny/000000000002")
        with pytest.raises(PackageCorrupt, match=r"model\.tiny"):
            store.open("delay", version)

    def test_a_flipped_byte_in_the_cache_is_replaced(self, store: Store, package: Package) -> None:
        """Law 4: the cache is compared each time; what is altered or absent there is fetched again."""
        version = store.put(package)
        opened = store.open("delay", version)
        model = opened.path("model.tiny")
        model.chmod(0o644)
        model.write_bytes(b"1" + model.read_bytes()[1:])
        with pytest.raises(PackageCorrupt):
            opened.verify()
        assert store.open("delay", version).folder == opened.folder
        opened.verify()
        model.unlink()
        store.open("delay", version)
        opened.verify()
