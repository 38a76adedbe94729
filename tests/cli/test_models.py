import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from instream.cli import models, tables
from instream.errors import Conflict, NotFound
from instream.head import Revision
from instream.package import Version
from instream.report import Report
from instream.stores import Store, default, open_store
from instream.testing.clocks import MovedClock
from instream.testing.packages import tiny_package

app = typer.Typer()
models.register(app)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv(default.VARIABLE, f"sqlite:///{tmp_path}/models.db")
    monkeypatch.setenv("INSTREAM_CACHE", str(tmp_path / "cache"))
    store = open_store(default.store_url(None))
    for weight in (1.0, 2.0, 3.0):
        store.put(tiny_package(tmp_path, weight=weight))
    yield store
    store.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def report(store: Store, worker: str, revision: int, refused: int = 0, reason: str = "", pinned: bool = False) -> None:
    now_ms = MovedClock().wall_ms()
    store.report(
        Report(
            name="delay",
            pipeline="delays",
            worker=worker,
            revision=Revision(revision),
            versions=(Version(1),),
            refused=Revision(refused),
            reason=reason,
            pinned=pinned,
            at_ms=now_ms,
        )
    )


def test_models_shows_all(store: Store, tmp_path: Path) -> None:
    store.put(tiny_package(tmp_path, "arrival"))
    lines = run("models").stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["MODEL", "CHAMPION", "HEAD", "VERSIONS", "WORKERS", "REFUSALS"],
        ["arrival", "1", "1", "1", "0", "-"],
        ["delay", "1", "1", "3", "0", "-"],
    ]
    assert [each["name"] for each in json.loads(run("models", "--json").stdout)] == ["arrival", "delay"]


def test_models_shows_one_and_its_workers(store: Store) -> None:
    report(store, "w0", 1)
    report(store, "w1", 0, refused=1, reason="delay@1 not adopted: golden row 12 differs")
    report(store, "w2", 0, pinned=True)
    shown = run("models", "delay").stdout
    versions = [line.split() for line in shown.splitlines()[1:4]]
    digest = store.entry("delay", Version(1)).digest
    assert versions[0][:4] == ["1", "champion", digest[:12], "tiny"]
    assert versions[1][1] == "-"
    assert "refused head 1: delay@1 not adopted: golden row 12 differs" in shown
    assert "pinned" in shown
    found = json.loads(run("models", "delay", "--json").stdout)
    assert (found["head"]["champion"], len(found["versions"]), len(found["workers"])) == (1, 3, 3)
    assert found["versions"][0]["digest"] == digest
    assert found["versions"][0]["bytes"] == sum(file.bytes for file in store.manifest("delay", Version(1)).files)
    assert found["workers"][1]["reason"].endswith("golden row 12 differs")


def test_a_damaged_version_is_shown_as_such(store: Store) -> None:
    digest = store.entry("delay", Version(2)).digest
    [(upload, _)] = store.backend.rows(f"copies/{digest}", "", 10)
    store.backend.clear(f"bytes/{upload}")
    shown = run("models", "delay").stdout.splitlines()
    assert "publish the same package again" in shown[2]
    assert shown[3].startswith("3 ")


def test_promote_and_rollback(store: Store) -> None:
    assert "delay@2 is the champion (head 2); it was delay@1" in run("promote", "delay", "2", "--note", "better").stdout
    assert store.head("delay").note == "better"
    assert "already (head 2)" in run("promote", "delay", "2").stdout
    run("promote", "delay", "3")
    assert "delay@2 is the champion (head 4)" in run("rollback", "delay").stdout
    assert json.loads(run("rollback", "delay", "--json").stdout)["head"]["champion"] == 1
    with pytest.raises(NotFound, match="no champion before 1"):
        run("rollback", "delay")
    assert [head.champion for head in store.heads("delay")] == [1, 2, 3, 2, 1]


def test_what_is_not_there(store: Store) -> None:
    with pytest.raises(NotFound, match="delay has 1, 2, 3"):
        run("promote", "delay", "9")
    with pytest.raises(NotFound, match="its models are delay"):
        run("models", "arrival")
    with pytest.raises(NotFound, match="no label"):
        run("promote", "delay", "candidate")


def test_promote_waits_for_the_workers(store: Store) -> None:
    report(store, "w0", 2)
    report(store, "w1", 3)
    report(store, "pinned", 0, pinned=True)
    done = run("promote", "delay", "2", "--wait")
    assert (done.exit_code, "adopted by 2: delays/w0, delays/w1" in done.stdout) == (0, True)


def test_promote_without_workers_does_not_wait(store: Store) -> None:
    done = run("promote", "delay", "2", "--wait")
    assert (done.exit_code, "no live worker follows it" in done.stdout) == (0, True)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_refusal_fails_the_promotion(store: Store, form: str) -> None:
    report(store, "w0", 2)
    report(store, "w1", 1, refused=2, reason="delay@2 not adopted: too large")
    done = run("promote", "delay", "2", "--wait", *(["--json"] if form == "json" else []))
    assert done.exit_code == 1
    if form == "json":
        assert json.loads(done.stdout)["workers"]["refused"][0]["reason"] == "delay@2 not adopted: too large"
    else:
        assert "refused by delays/w1: delay@2 not adopted: too large" in done.stderr
    assert store.head("delay").champion == 2


def test_time_runs_out(store: Store) -> None:
    report(store, "w0", 1)
    done = run("promote", "delay", "2", "--wait", "--timeout", "0.2")
    assert (done.exit_code, "delays/w0 after 0.2 s; it goes on with head 1" in done.stderr) == (1, True)


def test_a_promotion_at_the_same_moment_is_a_conflict(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    old = store.head("delay")
    run("promote", "delay", "3")
    monkeypatch.setattr(Store, "head", lambda self, name: old)
    with pytest.raises(Conflict, match="champion 3"):
        run("promote", "delay", "2")


def test_the_store_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(default.VARIABLE, "memory://a")
    assert (default.store_url("memory://b"), default.store_url(None)) == ("memory://b", "memory://a")
    monkeypatch.delenv(default.VARIABLE)
    assert default.store_url(None) == "sqlite:///instream.db"


@pytest.mark.parametrize("terminal", [True, False])
def test_tables_keep_what_they_are_given(terminal: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=60)
    tables.show(("A", "B"), [("[red]x[/red]", "y" * 90), ("", "z")], console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "[red]x[/red]" in shown
    assert shown.count("y") == 90
    assert ("y" * 90 in shown) != terminal
