import os
import time
from pathlib import Path

import pytest

from instream.errors import PackageCorrupt, StoreError
from instream.stores import Store, directory_log, open_store
from instream.stores.directory_log import DirectoryLog
from instream.testing.packages import tiny_package
from instream.testing.stores import ParameterLaws, SharedStoreLaws


class TestDirectory(SharedStoreLaws):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"file:///{tmp_path}/models"

    def test_a_flipped_byte_in_a_file_is_found(self, store: Store, tmp_path: Path) -> None:
        """Law 4: a bad disk changes one bit of the model's bytes."""
        version = store.put(tiny_package(tmp_path, padding=b"needle" + bytes(9000)))
        (chunk,) = (path for path in (tmp_path / "models").rglob("*") if path.is_file() and b"needle" in path.read_bytes())
        content = bytearray(chunk.read_bytes())
        content[content.index(b"needle") + 3] ^= 4
        chunk.write_bytes(content)
        with pytest.raises(PackageCorrupt, match=r"model\.tiny.*publish"):
            open_store(f"file:///{tmp_path}/models").open("delay", version)


class TestDirectoryParameters(ParameterLaws):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"file:///{tmp_path}/models"

    def test_what_a_killed_writer_left_is_told_by_another(
        self, store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Law 6: its rows were there, and nobody had told of them."""
        cursor = store.parameters_of("5e7").cursor()
        with monkeypatch.context() as killed:
            killed.setattr(DirectoryLog, "tell", lambda *_: None)
            store.parameters_of("5e7").write({"i:1": b"x"})
        other = open_store(url).parameters_of("5e7")
        assert (other.read(["i:1"])["i:1"].payload, other.changes(cursor).keys) == (b"x", ())
        (left,) = (tmp_path / "models" / "parameters" / "intended").iterdir()
        os.utime(left, (time.time() - 90, time.time() - 90))
        assert open_store(url).parameters_of("5e7").changes(cursor).keys == ("i:1",)
        assert other.changes(cursor).keys == ("i:1",)
        assert not left.exists()

    def test_a_writer_that_was_taken_for_dead_tells_again(self, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Law 6: it was told of before its rows were there."""
        tell, seen = DirectoryLog.tell, list[tuple[str, ...]]()
        parameters = store.parameters_of("5e7")
        cursor = parameters.cursor()

        def late(log: DirectoryLog, intention: str, place: str, keys: list[str]) -> None:
            log._append(tmp_path / "models" / "parameters" / "intended" / intention)
            seen.append(parameters.changes(cursor).keys)
            tell(log, intention, place, keys)

        monkeypatch.setattr(DirectoryLog, "tell", late)
        parameters.write({"i:1": b"x"})
        assert seen == [("i:1",)]
        assert parameters.changes(parameters.cursor()).keys == ()
        assert parameters.cursor().endswith("/2")

    def test_the_log_is_bounded_and_who_slept_looks_at_all(
        self, store: Store, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Law 7: old entries go; a cursor before them gives `reset`."""
        monkeypatch.setattr(directory_log, "KEPT", 10)
        monkeypatch.setattr(directory_log, "_TURN", 5)
        parameters, slept = store.parameters_of("5e7"), open_store(url).parameters_of("5e7")
        cursor = slept.cursor()
        for number in range(50):
            parameters.write({f"i:{number}": b"x"})
        assert len(list((tmp_path / "models" / "parameters" / "log").iterdir())) == 10
        seen = slept.changes(cursor)
        assert (seen.reset, slept.changes(seen.cursor).keys) == (True, ())
        parameters.write({"i:1": b"y"})
        assert slept.changes(seen.cursor).keys == ("i:1",)


def test_paths(tmp_path: Path) -> None:
    open_store("file:///models", folder=tmp_path).close()
    open_store(f"file:///{tmp_path}/absolute").close()
    assert {path.name for path in tmp_path.iterdir()} == {"models", "absolute"}


def test_a_folder_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_bytes(b"1")
    with pytest.raises(StoreError, match="not a model store"):
        open_store(f"file:///{tmp_path}/photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["one.jpg"]


def test_a_later_schema_is_refused(tmp_path: Path) -> None:
    open_store(f"file:///{tmp_path}/models").close()
    (tmp_path / "models" / "instream-store").write_text("2")
    with pytest.raises(StoreError, match="schema 2, this instream knows schema 1"):
        open_store(f"file:///{tmp_path}/models")


@pytest.mark.parametrize("path", ["absent/models", "file"])
def test_what_cannot_be_opened(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StoreError, match=path.partition("/")[0]):
        open_store(f"file:///{tmp_path}/{path}")


@pytest.mark.parametrize("key", ["", ".", "..", "a/b", "a|b", "%2E", "é", "e\N{COMBINING ACUTE ACCENT}", "A", "a"])
def test_every_text_is_a_name(tmp_path: Path, key: str) -> None:
    backend = open_store(f"file:///{tmp_path}/models").backend
    assert backend.insert("place", key, b"1")
    assert not backend.insert("place", key, b"2")
    assert backend.newest("place", 5) == [(key, b"1")]
    assert backend.insert("place", "z", b"3")
    assert backend.rows("place", key, 5) == ([("z", b"3")] if key.encode() < b"z" else [])


def test_a_name_that_is_too_long_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="too long"):
        open_store(f"file:///{tmp_path}/models").backend.insert("place", "a" * 300, b"1")
