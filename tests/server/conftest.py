"""A store with two versions of a model, and a server for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from instream.deploy.serving import opening
from instream.server.models import Open
from instream.stores import Store, open_store
from instream.stores.cache import Cache
from instream.testing.models import linear_package
from instream.testing.server import Running, running, server_for


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """`delay`: version 1 gives 2 x, version 2 gives 3 x and is labelled candidate."""
    folder: Path = tmp_path_factory.mktemp("models")
    opened = open_store(f"sqlite:///{folder}/models.db", cache=Cache(folder / "cache"))
    opened.put(linear_package(folder, 2.0))
    second = opened.put(linear_package(folder, 3.0))
    head = opened.head("delay")
    labelled = head.next(champion=head.champion, by="test", at_ms=0)
    opened.append_head(msgspec.structs.replace(labelled, labels={"candidate": second}))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def opened(store: Store) -> Open:
    return opening(server_for("delay"), store, 0)


@pytest.fixture(scope="module")
def server(opened: Open) -> Iterator[Running]:
    with running(server_for("delay"), opened) as found:
        yield found
