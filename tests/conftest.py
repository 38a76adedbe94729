"""What tests of several rooms share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from instream.testing.kafka import Broker


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """One real Kafka broker for the whole run; started when the first test asks. Such tests are slow ones."""
    with Broker() as started:
        yield started


@pytest.fixture
def unique() -> str:
    """A name that no other test uses, for topics, groups and pipelines on the shared broker."""
    return f"t{uuid.uuid4().hex[:10]}"
