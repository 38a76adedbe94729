"""`instream store init|copy|stats`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instream.package import Version
from instream.stores import Store, open_store, promote
from instream.testing.keyed import line, line_package, published
from instream.testing.packages import tiny_package
from tests.cli.conftest import Instream

KEY = "s:JFK"


@pytest.fixture
def store(tmp_path: Path, instream: Instream) -> Store:
    """In a.db: the keyed delay@1 and delay@2, of which 2 is champion, and plain@1 to plain@3 without the second."""
    store = open_store(f"sqlite:///{tmp_path}/a.db")
    for seed, version in ((1, Version(1)), (2, Version(2))):
        published(store, line_package(tmp_path, key={"origin": "string"}, seed=seed), {KEY: float(seed), f"s:only{seed}": 5.0})
        promote(store, "delay", version, by="test")
    for weight in (1.0, 2.0, 3.0):
        store.put(tiny_package(tmp_path, "plain", weight=weight))
    store.delete("plain", Version(2))
    return store


@pytest.fixture
def other(tmp_path: Path, store: Store) -> Store:
    return open_store(f"sqlite:///{tmp_path}/b.db")


def copied(instream: Instream, *arguments: str) -> list[dict[str, object]]:
    done = instream("store", "copy", "sqlite:///a.db", "sqlite:///b.db", *arguments, "--json")
    assert done.status == 0, done.err
    return [json.loads(each) for each in done.out.splitlines()]


def test_a_store_is_made_once(instream: Instream, tmp_path: Path) -> None:
    for url in ("sqlite:///new.db", "file:///new"):
        first, again = instream("store", "init", url), instream("store", "init", url)
        assert (first.status, first.out) == (0, again.out), first.err
        assert f"{url} is a model store, schema " in first.out
    assert (tmp_path / "new.db").is_file()
    assert json.loads(instream("store", "init", "memory://x", "--json").out) == {"store": "memory://x", "schema": "", "models": 0}


def test_a_copy_has_all_that_is_in_force(instream: Instream, store: Store, other: Store) -> None:
    assert [each["name"] for each in copied(instream)] == ["delay", "plain"]
    assert (other.versions("delay"), other.versions("plain"), other.head("delay").champion) == ((1, 2), (1, 3), 2)
    assert [head.champion for head in other.heads("delay")] == [2], "who follows the copy never has the first version"
    for name in store.names():
        for version in store.versions(name):
            assert other.entry(name, version).digest == store.entry(name, version).digest
            other.open(name, version).verify()
    assert other.parameters("delay", Version(1)).read([KEY])[KEY].payload == line(1.0)
    assert other.parameters("delay", Version(2)).read([KEY, "s:only2"])[KEY].payload == line(2.0)


def test_a_copy_is_repeated(instream: Instream, store: Store, other: Store) -> None:
    """Law 5: what is there is not written again, what is new comes."""
    copied(instream)
    before = other.parameters("delay", Version(2)).read([KEY])[KEY].revision
    assert [each["written"] for each in copied(instream)] == [0, 0]
    assert other.parameters("delay", Version(2)).read([KEY])[KEY].revision == before
    store.parameters("delay", Version(2)).write({KEY: line(9.0), "s:only2": None})
    promote(store, "delay", Version(1), by="test")
    (done,) = copied(instream, "delay")
    assert (done["keys"], done["written"], other.head("delay").champion) == (4, 2, 1)
    found = other.parameters("delay", Version(2)).read([KEY, "s:only2"])
    assert (found[KEY].payload, found["s:only2"].payload) == (line(9.0), None)


def test_a_history_is_copied_in_its_order(instream: Instream, store: Store, other: Store) -> None:
    mine = store.parameters("delay", Version(2))
    for payload in (line(7.0), None, line(8.0)):
        mine.write({KEY: payload})
    copied(instream, "delay", "--history")
    theirs = other.parameters("delay", Version(2))
    assert [each.payload for each in theirs.history(KEY)] == [line(8.0), None, line(7.0), line(2.0)]
    assert copied(instream, "delay", "--history")[0]["written"] == 0
    mine.write({KEY: line(9.0)})
    assert copied(instream, "delay", "--history")[0]["written"] == 1
    assert [each.payload for each in theirs.history(KEY)][:2] == [line(9.0), line(8.0)]


def test_a_history_takes_nothing_back(instream: Instream, store: Store, other: Store) -> None:
    """Who follows the copy never has older parameters than it had."""
    copied(instream, "delay")
    before = other.parameters("delay", Version(2)).read([KEY])[KEY].revision
    store.parameters("delay", Version(2)).write({KEY: line(7.0)})
    store.parameters("delay", Version(2)).write({KEY: line(2.0)})
    assert copied(instream, "delay", "--history")[0]["written"] == 0
    assert other.parameters("delay", Version(2)).read([KEY])[KEY].revision == before


def test_another_package_under_the_number_is_refused(instream: Instream, store: Store, other: Store, tmp_path: Path) -> None:
    """Law 5: and nothing of the model is copied."""
    other.put(tiny_package(tmp_path, "plain", weight=7.0), 3)
    done = instream("store", "copy", "sqlite:///a.db", "sqlite:///b.db", "plain")
    assert done.status == 1
    assert "plain@3 in the target is another package" in done.err
    assert other.versions("plain") == (3,)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("copy", "sqlite:///a.db", "sqlite:///a.db"), "is both"),
        (("copy", "sqlite:///a.db", "sqlite:///b.db", "other"), "other is not in the store that is copied; it has delay, plain"),
        (("copy", "sqlite:///a.db", "ftp://b"), "unknown scheme"),
        (("init", "sqlite:///absent/a.db"), "folder must exist"),
        (("stats", "nowhere"), "unknown scheme"),
    ],
)
def test_mistakes_are_told_without_a_traceback(instream: Instream, store: Store, arguments: tuple[str, ...], said: str) -> None:
    done = instream("store", *arguments)
    assert (done.status, said in done.err, "Traceback" in done.err) == (1, True, False), done.err


def test_figures(instream: Instream, store: Store) -> None:
    store.parameters("delay", Version(1)).write({"s:only1": None})
    header, delay, plain = instream("store", "stats", "sqlite:///a.db").out.splitlines()
    assert header.split()[-3:] == ["KEYS", "PARAMETER_BYTES", "WORKERS"]
    assert delay.split()[:4] == ["delay", "2", "2", "2"]
    assert delay.split()[5:] == ["3", str(3 * len(line(1.0))), "0"]
    assert plain.split()[5:] == ["-", "-", "0"]
    found = json.loads(instream("store", "stats", "sqlite:///a.db", "--json").out)
    assert [each["keys"] for each in found[0]["keyed"]] == [1, 2]
