import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from instream.errors import PackageCorrupt, SettingsInvalid, StoreError
from instream.package import File, Package
from instream.stores.cache import Cache, Fetch, default_cache
from instream.testing.packages import tiny_package

KILO = 1000


def fetching(package: Package) -> Fetch:
    def fetch(file: File) -> Iterator[bytes]:
        yield package.path(file.name).read_bytes()

    return fetch


def opened(cache: Cache, package: Package) -> Package:
    return cache.open(package.manifest, fetching(package))


def sized(tmp_path: Path, weight: float) -> Package:
    """Files of about 100 kB."""
    return tiny_package(tmp_path / "made", weight=weight, padding=bytes(100 * KILO))


def kept(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir() if each.is_dir()}


def test_the_least_recently_opened_goes(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 350 * KILO)
    packages = [sized(tmp_path, float(each)) for each in range(4)]
    for at, package in enumerate(packages[:3]):
        os.utime(opened(cache, package).folder, (at, at))
    opened(cache, packages[0])  # used again: now the second is the oldest
    opened(cache, packages[3])
    assert kept(tmp_path / "cache") == {packages[at].manifest.digest for at in (0, 2, 3)}


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 250 * KILO)
    one, two, three = (sized(tmp_path, float(each)) for each in range(3))
    first, second = opened(cache, one), opened(cache, two)
    with pytest.raises(StoreError, match="INSTREAM_CACHE_BYTES"):
        opened(cache, three)
    first.verify()
    second.verify()
    del second
    opened(cache, three).verify()
    first.verify()
    assert kept(tmp_path / "cache") == {one.manifest.digest, three.manifest.digest}


def test_another_process_holds_too(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 150 * KILO)
    one, two = sized(tmp_path, 1.0), sized(tmp_path, 2.0)
    folder = opened(cache, one).folder
    holding = f"import fcntl, os; fcntl.flock(os.open({str(folder)!r}, os.O_RDONLY), fcntl.LOCK_SH); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="in use"):
            opened(cache, two)
        other.kill()
    opened(cache, two).verify()  # a killed process holds nothing
    assert kept(tmp_path / "cache") == {two.manifest.digest}


def test_what_a_killed_process_was_making_goes(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 150 * KILO)
    abandoned, fresh = tmp_path / "cache" / ".making-a", tmp_path / "cache" / ".making-b"
    for folder in (abandoned, fresh):
        folder.mkdir(parents=True)
    (abandoned / "half").write_bytes(bytes(100 * KILO))
    an_hour_ago = time.time() - 3600
    os.utime(abandoned, (an_hour_ago, an_hour_ago))
    package = sized(tmp_path, 1.0)
    opened(cache, package)
    assert kept(tmp_path / "cache") == {package.manifest.digest, ".making-b"}


def test_a_failed_fetch_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    package = sized(tmp_path, 1.0)

    def too_much(file: File) -> Iterator[bytes]:
        yield package.path(file.name).read_bytes()
        yield b"more"
        raise AssertionError("was read on past the size in the manifest")

    with pytest.raises(PackageCorrupt, match=r"model\.tiny"):
        cache.open(package.manifest, too_much)
    assert kept(tmp_path / "cache") == set()


def test_another_process_is_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instream.stores.holding._TURN_S", 0.0)  # whose turn it is was waited for too long
    cache = Cache(tmp_path / "cache")
    package = sized(tmp_path, 1.0)

    def late(file: File) -> Iterator[bytes]:
        opened(cache, package)
        yield package.path(file.name).read_bytes()

    cache.open(package.manifest, late).verify()
    assert kept(tmp_path / "cache") == {package.manifest.digest}


def test_open_again_reads_the_store_no_more(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    package = sized(tmp_path, 1.0)
    opened(cache, package)

    def absent(file: File) -> Iterator[bytes]:
        raise AssertionError(f"{file.name} was fetched again")

    assert cache.open(package.manifest, absent).folder == tmp_path / "cache" / package.manifest.digest


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="INSTREAM_CACHE"):
        opened(Cache(tmp_path / "file"), sized(tmp_path, 1.0))


def test_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTREAM_CACHE", str(tmp_path / "elsewhere"))
    package = sized(tmp_path, 1.0)
    assert opened(default_cache(), package).folder.parent == tmp_path / "elsewhere"
    monkeypatch.setenv("INSTREAM_CACHE_BYTES", "10GB")
    with pytest.raises(SettingsInvalid, match="INSTREAM_CACHE_BYTES=10GB"):
        default_cache()
