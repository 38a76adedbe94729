"""Kafka holds the laws on a real broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import ByteSize

from instream import settings
from instream.connectors import Sink, Source, Transactional, member_of, open_sink, open_source, open_transactional
from instream.testing.connectors import Put, Seen, SinkLaws, SourceLaws, TransactionalLaws
from instream.testing.kafka import Broker

pytestmark = pytest.mark.slow
LIMITS = settings.Limits(bytes=ByteSize(1 << 20))


@pytest.fixture
def topic(broker: Broker, unique: str) -> str:
    return broker.create_topic(f"{unique}-in", partitions=3)


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def opened_source(broker: Broker, topic: str, unique: str, ending: ExitStack, tmp_path: Path) -> Callable[[], Source]:
    def open_it() -> Source:
        source = open_source(
            settings.Source(url=broker.url(topic), start="earliest"),
            group=unique,
            member=member_of(unique, 0),
            folder=tmp_path,
            limits=LIMITS,
            until="end",
        )
        ending.callback(source.close)
        return source

    return open_it


@pytest.fixture
def put(broker: Broker, topic: str) -> Put:
    def put(values: Any) -> None:
        broker.produce(topic, values, [b"key-%d" % (number % 17) for number in range(len(values))])

    return put


class TestKafkaSource(SourceLaws):
    @pytest.fixture
    def opened(self, opened_source: Callable[[], Source]) -> Callable[[], Source]:
        return opened_source


class TestKafkaLook(SourceLaws):
    """Without a group: it joins nothing and commits nothing."""

    @pytest.fixture
    def opened(self, broker: Broker, topic: str, ending: ExitStack, tmp_path: Path) -> Callable[[], Source]:
        def open_it() -> Source:
            given = settings.Source(url=broker.url(topic), start="earliest")
            source = open_source(given, group=None, member="look", folder=tmp_path, limits=LIMITS, until="end")
            ending.callback(source.close)
            return source

        return open_it


class TestKafkaSink(SinkLaws):
    @pytest.fixture
    def out(self, broker: Broker, unique: str) -> str:
        return broker.create_topic(f"{unique}-out")

    @pytest.fixture
    def sink(self, broker: Broker, out: str, tmp_path: Path) -> Sink:
        return open_sink(settings.Sink(url=broker.url(out)), folder=tmp_path, limits=LIMITS)

    @pytest.fixture
    def seen(self, broker: Broker, out: str) -> Seen:
        return lambda: [each.value for each in broker.visible(out)]


class TestKafkaTransactional(TransactionalLaws):
    @pytest.fixture
    def outs(self, broker: Broker, unique: str) -> tuple[str, str]:
        return broker.create_topic(f"{unique}-out", partitions=2), broker.create_topic(f"{unique}-dead")

    @pytest.fixture
    def source(self, opened_source: Callable[[], Source]) -> Callable[[], Source]:
        return opened_source

    @pytest.fixture
    def opened(self, broker: Broker, outs: tuple[str, str], unique: str, tmp_path: Path) -> Callable[[], tuple[Transactional, Any]]:
        sink, letters = settings.Sink(url=broker.url(outs[0])), settings.DeadLetter(url=broker.url(outs[1]))
        return lambda: open_transactional(sink, letters, transactional_id=member_of(unique, 0), folder=tmp_path, limits=LIMITS)

    @pytest.fixture
    def seen(self, broker: Broker, outs: tuple[str, str]) -> Seen:
        return lambda: [each.value for each in broker.visible(outs[0])]

    @pytest.fixture
    def letters_seen(self, broker: Broker, outs: tuple[str, str]) -> Seen:
        return lambda: [each.value for each in broker.visible(outs[1])]
