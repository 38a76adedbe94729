"""What `check` and `init` see, and that they leave no trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from instream import settings
from instream.connectors import probe
from instream.connectors.found import Span
from instream.errors import SinkFailed, SourceFailed
from instream.testing.connectors import ids_of, line
from instream.testing.kafka import Broker


@pytest.mark.slow
def test_a_topic_is_seen_and_left_as_it_was(broker: Broker, unique: str, tmp_path: Path) -> None:
    topic = broker.create_topic(unique, partitions=2)
    broker.produce(topic, [line(number) for number in range(300)], partition=1)
    found = probe.look(broker.url(topic), {}, folder=tmp_path, group=unique)
    assert found is not None
    assert found.partitions == {0: Span(0, 0, None), 1: Span(0, 300, None)}
    sampled = probe.sample(settings.Source(url=broker.url(topic)), folder=tmp_path)
    assert [number for records in sampled for number in ids_of(records)] == list(range(100))
    assert broker.committed(unique, topic) == {}


@pytest.mark.slow
def test_no_topic_and_no_broker(broker: Broker, unique: str, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=f"no topic '{unique}'"):
        probe.look(broker.url(unique), {}, folder=tmp_path)
    with pytest.raises(SourceFailed, match=r"no broker answers at 127\.0\.0\.1:1 "):
        probe.look("kafka://127.0.0.1:1/t", {}, folder=tmp_path)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\n".join(line(number) for number in range(7)))
    assert probe.look(str(path), {}, folder=tmp_path) is None
    assert [ids_of(records) for records in probe.sample(settings.Source(url="in.jsonl"), folder=tmp_path, records=5)] == [[0, 1, 2, 3, 4]]
    assert probe.sample(settings.Source(url="-"), folder=tmp_path) == []
    with pytest.raises(SinkFailed, match="there is no folder"):
        probe.writable("absent/out.jsonl", folder=tmp_path)
