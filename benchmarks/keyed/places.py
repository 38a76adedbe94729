"""Where parameters are kept: a store of each kind, empty."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from instream.stores import Store, open_store
from instream.stores.cache import Cache
from instream.testing.cassandra import Node
from instream.testing.postgresql import Postgres


@contextmanager
def places(folder: Path, servers: bool) -> Iterator[Mapping[str, str]]:
    """URLs by kind; with `servers` also of PostgreSQL and Cassandra, which are started."""
    with ExitStack() as stack:
        found = {"memory": f"memory://{uuid.uuid4().hex}", "sqlite": f"sqlite:///{folder / 'parameters.db'}"}
        if servers:
            found["postgresql"] = stack.enter_context(Postgres()).database()
            node = stack.enter_context(Node())
            found["cassandra"] = node.url(node.keyspace())
        yield found


def opened(url: str, folder: Path) -> Store:
    """With files of packages below a folder."""
    return open_store(url, cache=Cache(folder / "packages"))
