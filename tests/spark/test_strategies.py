"""A pin means the same under every strategy: a batch that is tried again after a change is scored as at its first try."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec
import pytest

from instream.package import Version
from instream.stores import open_store
from instream.stores.promotion import promote
from instream.testing.faults.served import served
from instream.testing.keyed import line, line_package, published
from instream.testing.spark import SparkPipeline, source_of
from tests.spark.conftest import Make

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SMALL = "--set", "engine.batch_records=100"


def remote(made: SparkPipeline) -> AbstractContextManager[list[str]]:
    """The model is in a server, which follows the head and has one version of it loaded."""

    class Server(AbstractContextManager[list[str]]):
        def __enter__(self) -> list[str]:
            self._server = served(made.folder, "--model", "delay", "--store", made.store)
            endpoint = f"strategy.endpoint=grpc://{self._server.__enter__().grpc}"
            return ["--set", "strategy.kind=remote", "--set", endpoint, "--set", "strategy.poll_ms=100"]

        def __exit__(self, *why: object) -> None:
            self._server.__exit__(None, None, None)

    return Server()


def database(made: SparkPipeline) -> AbstractContextManager[list[str]]:
    """A model for each key, of which the store has the parameters."""
    package = line_package(made.folder, key={"k": "string"}, default=1.0, name="keyed")
    published(open_store(made.store), package, {"s:a": 2.0, "s:b": 5.0})
    return nullcontext(["--set", "strategy.kind=database", "--set", "model.name=keyed"])


def promote_remote(made: SparkPipeline) -> None:
    made.promote(3.0)


def promote_database(made: SparkPipeline) -> None:
    store = open_store(made.store)
    version = published(
        store, line_package(made.folder, key={"k": "string"}, default=1.0, seed=1, name="keyed"), {"s:a": 30.0, "s:b": 70.0}
    )
    promote(store, "keyed", version, by="test")


def put_parameters(made: SparkPipeline) -> None:
    """Of both keys, while the package stays."""
    store = open_store(made.store)
    store.parameters("keyed", Version(1)).write({"s:a": line(300.0), "s:b": line(700.0)})


@pytest.mark.parametrize(
    ("strategy", "changes", "then"),
    [(remote, promote_remote, 2), (database, promote_database, 2), (database, put_parameters, 1)],
    ids=["remote", "database", "parameters"],
)
def test_copies_of_a_replayed_batch_are_identical(
    make: Make,
    tmp_path: Path,
    strategy: Callable[[SparkPipeline], AbstractContextManager[list[str]]],
    changes: Callable[[SparkPipeline], None],
    then: int,
) -> None:
    """`then`: the version that scores what was not scored before the change."""
    made = make()
    made.produce([b'{"id": %d, "x": %d, "k": "%s"}' % (i, i, b"abc"[i % 3 : i % 3 + 1]) for i in range(200)])
    plan = tmp_path / "kill"
    plan.write_text("produced:1\n")
    with strategy(made) as options:
        running = made.start(*SMALL, *options, kill_at=plan)
        assert running.wait() == -signal.SIGKILL, running.log
        first = {source_of(seen): seen.value for seen in made.outputs()}
        assert 90 <= len(first) <= 100
        changes(made)
        done = made.to_end("--until", "end", *SMALL, *options)
    assert done.returncode == 0, done.stderr
    outputs = made.outputs()
    assert len(outputs) == 200 + len(first)
    for seen in outputs:
        assert seen.value == first.get(source_of(seen), seen.value)
        assert msgspec.json.decode(seen.value or b"")["version"] == (1 if source_of(seen) in first else then)
