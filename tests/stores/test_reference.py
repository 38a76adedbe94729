from pathlib import Path

import pytest
from msgspec.structs import replace

from instream.errors import NotFound, SettingsInvalid
from instream.head import Head
from instream.package import Version
from instream.stores import Store, open_store, parse, resolve
from instream.testing.packages import tiny_package


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(f"memory://{tmp_path}")
    for weight in (1.0, 2.0, 3.0):
        store.put(tiny_package(tmp_path, weight=weight))
    head: Head = store.head("delay").next(champion=Version(2), by="test", at_ms=0)
    store.append_head(replace(head, labels={"candidate": Version(3)}))
    return store


@pytest.mark.parametrize(("text", "version"), [("delay", 2), ("delay@champion", 2), ("delay@1", 1), ("delay@candidate", 3)])
def test_what_it_means(store: Store, text: str, version: int) -> None:
    assert resolve(store, text) == ("delay", version)


@pytest.mark.parametrize(
    ("text", "message"),
    [("delay@4", "delay has 1, 2, 3"), ("delay@best", "it has champion, candidate"), ("arrival", "its models are delay")],
)
def test_what_is_not_there(store: Store, text: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        resolve(store, text)


@pytest.mark.parametrize("text", ["", "@", "delay@", "@3", "a b", "delay@1@2", "-x", "delay@-1", "delay@x y"])
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="expected a name such as"):
        parse(text)


def test_pinned() -> None:
    assert [parse(each).pinned for each in ("delay", "delay@champion", "delay@3")] == [False, False, True]
