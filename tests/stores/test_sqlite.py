import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from instream.errors import PackageCorrupt, SettingsInvalid, StoreError
from instream.package import Version
from instream.stores import Store, open_store
from instream.testing.packages import tiny_package
from instream.testing.stores import ParameterLaws, SharedStoreLaws
from instream.testing.stores.fixtures import at_once


class TestSQLite(SharedStoreLaws):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/models.db"

    def test_a_flipped_byte_in_the_file_is_found(self, store: Store, tmp_path: Path) -> None:
        """Law 4: a bad disk changes one bit of the model's bytes."""
        version = store.put(tiny_package(tmp_path, padding=b"needle" + bytes(9000)))
        store.backend.close()  # writes the log back into the file
        content = bytearray((tmp_path / "models.db").read_bytes())
        content[content.index(b"needle") + 3] ^= 4
        (tmp_path / "models.db").write_bytes(content)
        with pytest.raises(PackageCorrupt, match=r"model\.tiny.*publish"):
            open_store(f"sqlite:///{tmp_path}/models.db").open("delay", version)


class TestSQLiteParameters(ParameterLaws):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/models.db"


def test_paths(tmp_path: Path) -> None:
    open_store("sqlite:///models.db", folder=tmp_path).close()
    open_store(f"sqlite:///{tmp_path}/absolute.db").close()
    assert (tmp_path / "models.db").is_file()
    assert (tmp_path / "absolute.db").is_file()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TABLE flights (id)", "not a model store"),
        ("PRAGMA application_id = 77", "not a model store"),
        ("PRAGMA user_version = 9", "not a model store"),
        ("PRAGMA application_id = 1768846196; PRAGMA user_version = 3", "schema 3, this instream knows schema 2"),
    ],
)
def test_files_of_something_else(tmp_path: Path, statement: str, message: str) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.executescript(statement)
    connection.close()
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(StoreError, match=message):
        open_store(f"sqlite:///{tmp_path}/a.db")
    assert (tmp_path / "a.db").read_bytes() == before


def test_an_older_store_gains_the_parameters(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    store = open_store(url)
    version = store.put(tiny_package(tmp_path))
    store.close()
    older = sqlite3.connect(tmp_path / "a.db")
    older.executescript("DROP TABLE parameter; PRAGMA user_version = 1")  # as schema 1 was
    older.close()
    store = open_store(url)
    assert store.versions("delay") == (version,)
    store.parameters("delay", version).write({"i:1": b"x"})
    assert store.parameters("delay", version).read(["i:1"])["i:1"].payload == b"x"


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database, but a text that is long enough to be looked at\n" * 20)
    with pytest.raises(StoreError, match="not a database"):
        open_store(f"sqlite:///{tmp_path}/text.db")
    with pytest.raises(StoreError, match="folder must exist"):
        open_store(f"sqlite:///{tmp_path}/absent/a.db")
    with pytest.raises(StoreError, match="expected sqlite:///"):
        open_store("sqlite://models.db")
    with pytest.raises(SettingsInvalid, match="busy_ms"):
        open_store(f"sqlite:///{tmp_path}/a.db?busy_ms=0")
    with pytest.raises(SettingsInvalid, match="colour"):
        open_store(f"sqlite:///{tmp_path}/a.db?colour=red")


def test_twenty_open_a_new_file_at_once(tmp_path: Path) -> None:
    stores = at_once(open_store, [f"sqlite:///{tmp_path}/a.db"] * 20)
    assert [each for each in stores if isinstance(each, Exception)] == []
    cursors = {each.cursor() for each in stores if isinstance(each, Store)}
    assert len(cursors) == 1  # they agree on which store it is


def test_a_writer_that_does_not_end(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    open_store(url).close()
    blocking = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")
    store = open_store(f"{url}?busy_ms=50")
    assert store.names() == ()  # readers go on
    with pytest.raises(StoreError, match="busy_ms=60000"):
        store.put(tiny_package(tmp_path))
    blocking.execute("ROLLBACK")
    assert store.put(tiny_package(tmp_path)) == 1


def test_after_close(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/a.db")
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.head("delay")


def test_a_large_file_needs_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 7: of a file of 64 MB a few chunks are in memory at a time, on both ways."""
    monkeypatch.setenv("INSTREAM_CACHE", str(tmp_path / "cache"))
    store = open_store(f"sqlite:///{tmp_path}/a.db")
    package = tiny_package(tmp_path, padding=bytes(64 << 20))
    tracemalloc.start()
    store.open("delay", store.put(package))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
    assert store.versions("delay") == (Version(1),)
