from pathlib import Path

import pytest

from instream.errors import PackageCorrupt, StoreError
from instream.stores import Store, open_store
from instream.testing.packages import tiny_package
from instream.testing.stores import SharedStoreLaws


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
