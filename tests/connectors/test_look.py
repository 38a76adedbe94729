"""A look sees what is there and leaves no trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from instream import settings
from instream.connectors.look import look, partitions
from instream.connectors.url import KafkaUrl
from instream.errors import SourceFailed
from instream.testing.connectors import ids_of, line
from instream.testing.kafka import PASSWORD, USER, Broker


@pytest.mark.slow
def test_a_topic_is_seen_and_left_as_it_was(broker: Broker, unique: str, tmp_path: Path) -> None:
    topic = broker.create_topic(unique, partitions=2)
    broker.produce(topic, [line(number) for number in range(300)], partition=1)
    assert partitions(KafkaUrl(broker.bootstrap, topic), {}) == 2
    seen = [number for records in look(settings.Source(url=broker.url(topic)), folder=tmp_path) for number in ids_of(records)]
    assert seen == list(range(100))
    assert broker.committed(unique, topic) == broker.committed("instream-look", topic) == {}


@pytest.mark.slow
def test_no_topic_and_a_wrong_password(broker: Broker, unique: str) -> None:
    with pytest.raises(SourceFailed, match=f"no topic '{unique}'"):
        partitions(KafkaUrl(broker.bootstrap, unique), {})
    options = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": USER, "sasl.password": f"not-{PASSWORD}"}
    with pytest.raises(SourceFailed, match=r"sasl\.password"):
        partitions(KafkaUrl(broker.secured, unique), options)


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(line(number) for number in range(7)))
    assert [ids_of(records) for records in look(settings.Source(url="in.jsonl"), folder=tmp_path, rows=5)] == [[0, 1, 2, 3, 4]]
