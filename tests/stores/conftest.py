"""One real Cassandra node for the tests of this folder."""

from collections.abc import Iterator

import pytest

from instream.testing.cassandra import Node


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    with Node() as started:
        yield started


@pytest.fixture
def fresh(node: Node) -> Iterator[str]:
    """A URL with a keyspace that is not there yet."""
    keyspace = node.keyspace()
    yield node.url(keyspace)
    node.execute(f"DROP KEYSPACE IF EXISTS {keyspace}")
