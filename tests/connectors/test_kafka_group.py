"""A Kafka source as one of a group, and in bad weather: rebalances, restarts of the broker, lost positions, refusals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from instream import settings
from instream.connectors import Source, keeps_positions, member_of, open_sink, open_source, set_start
from instream.connectors.kafka.source import KafkaSource
from instream.errors import SettingsInvalid, SinkFailed, SourceFailed
from instream.records import Partition
from instream.testing.batches import outcome_with, records_with
from instream.testing.connectors import batches_of, first_of, ids_of, line
from instream.testing.kafka import PASSWORD, USER, Broker

pytestmark = pytest.mark.slow
LIMITS = settings.Limits()


@pytest.fixture
def topic(broker: Broker, unique: str) -> str:
    return broker.create_topic(f"{unique}-in", partitions=4)


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


Open = Callable[..., KafkaSource]


@pytest.fixture
def opened(broker: Broker, topic: str, unique: str, ending: ExitStack, tmp_path: Path) -> Open:
    def open_it(slot: int = 0, start: str = "earliest", until: Any = None, **options: Any) -> KafkaSource:
        given = settings.Source(url=broker.url(topic), start=start, options=options)
        source = open_source(given, group=unique, member=member_of(unique, slot), folder=tmp_path, limits=LIMITS, until=until)
        assert isinstance(source, KafkaSource)
        ending.callback(source.close)
        return source

    return open_it


def poll_until(sources: Sequence[Source], done: Callable[[], bool], got: list[int] | None = None, within_s: float = 60) -> None:
    """Poll all in turn, as their workers would; without `got` everything stays in flight and uncommitted."""
    until = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < until, "not within the time"
        for source in sources:
            records = source.poll(100, 1 << 20, 0.05)
            if records is not None and got is not None:
                got += ids_of(records)
                source.commit(records.positions)


def test_a_second_member_takes_its_share_and_nothing_is_lost(broker: Broker, topic: str, opened: Open) -> None:
    """All partitions are revoked while they are still ours; both together read every record from the committed positions."""
    broker.produce(topic, [line(number) for number in range(400)], [b"%d" % number for number in range(400)])
    first, got, revoked = opened(0), [], []
    first.listen(lambda: revoked.append(1), lambda: pytest.fail("nothing was lost"))
    got += ids_of(done := first_of(first, rows=50))
    first.commit(done.positions)
    second = opened(1)
    poll_until([first, second], lambda: bool(revoked))  # what it gives meanwhile is in flight, and dropped with the revocation
    poll_until([first, second], lambda: set(got) >= set(range(400)) and bool(second.partitions), got)
    assert revoked
    assert sorted(first.partitions + second.partitions) == [Partition(topic, number) for number in range(4)]
    assert len(first.partitions) == len(second.partitions) == 2
    broker.produce(topic, [line(number) for number in range(400, 800)], [b"%d" % number for number in range(400)])
    poll_until([first, second], lambda: set(got) >= set(range(800)), got)
    assert len(got) == 800


def test_a_restart_keeps_the_membership(broker: Broker, topic: str, unique: str, opened: Open) -> None:
    """A static member that comes back within the session takes its partitions without a rebalance for the others."""
    broker.produce(topic, [line(number) for number in range(100)], [b"%d" % number for number in range(100)])
    first, second = opened(0), opened(1)
    got: list[int] = []
    poll_until([first, second], lambda: len(first.partitions) == len(second.partitions) == 2, got)
    poll_until([first, second], lambda: set(got) == set(range(100)), got)
    first.listen(lambda: pytest.fail("revoked"), lambda: pytest.fail("lost"))
    second.close()
    second = opened(1)
    broker.produce(topic, [line(number) for number in range(100, 200)], [b"%d" % number for number in range(100)])
    poll_until([first, second], lambda: set(got) == set(range(200)), got)
    assert len(got) == 200


def test_held_stays_a_member(broker: Broker, topic: str, opened: Open) -> None:
    """Held for longer than max.poll.interval.ms, and still the same assignment."""
    broker.produce(topic, [line(number) for number in range(100)])
    source = opened(**{"max.poll.interval.ms": 10_000, "session.timeout.ms": 6_000})
    source.listen(lambda: pytest.fail("revoked"), lambda: pytest.fail("lost"))
    got = ids_of(first_of(source, rows=10))
    source.hold()
    until = time.monotonic() + 13
    while time.monotonic() < until:
        assert source.poll(1, 1 << 20, 0.5) is None
    source.release()
    poll_until([source], lambda: set(got) == set(range(100)), got)
    assert len(got) == 100


def test_a_new_group_with_latest_loses_nothing_after_a_crash(broker: Broker, topic: str, unique: str, opened: Open) -> None:
    """The start is committed with the assignment: what comes before the first commit is not jumped over."""
    broker.produce(topic, [line(number) for number in range(10)])
    first = opened(start="latest")
    poll_until([first], lambda: len(broker.committed(unique, topic)) == 4)
    broker.produce(topic, [line(number) for number in range(10, 20)])
    assert first_of(first)
    first.close()
    assert sorted(value for records in batches_of(opened(start="latest", until="end")) for value in ids_of(records)) == list(range(10, 20))


def test_a_time_is_a_start(broker: Broker, topic: str, opened: Open) -> None:
    for number in range(10):
        broker.produce(topic, [line(number)], timestamp=1_372_636_800_000 + number * 1000)
    got = [value for records in batches_of(opened(start="2013-07-01T00:00:06Z", until="end")) for value in ids_of(records)]
    assert sorted(got) == [6, 7, 8, 9]


def test_the_end_is_where_it_was_at_the_start(broker: Broker, topic: str, opened: Open) -> None:
    """What is written afterwards is not waited for, and an empty topic ends at once."""
    source = opened(until="end")
    assert list(batches_of(source)) == []
    broker.produce(topic, [line(number) for number in range(100)])
    again = opened(until="end")
    broker.produce(topic, [line(number) for number in range(100, 200)])
    assert set(range(100)) <= {value for records in batches_of(again) for value in ids_of(records)}


def test_from_sets_the_positions_once(broker: Broker, topic: str, unique: str, opened: Open, tmp_path: Path) -> None:
    broker.produce(topic, [line(number) for number in range(100)])
    first = opened(until="end")
    for records in batches_of(first):
        first.commit(records.positions)
    given = settings.Source(url=broker.url(topic), start="earliest")
    assert keeps_positions(given.url)
    first.close()
    set_start(given, group=unique, folder=tmp_path, limits=LIMITS)  # waits until the static member counts as gone
    again = [value for records in batches_of(opened(until="end", start="latest")) for value in ids_of(records)]
    assert sorted(again) == list(range(100))


def test_a_position_that_retention_removed_is_an_error(broker: Broker, topic: str, unique: str, opened: Open) -> None:
    broker.produce(topic, [line(number) for number in range(100)], partition=0)
    first = opened()
    first.commit(first_of(first, rows=10).positions)
    first.close()
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.delete_records([TopicPartition(topic, 0, 50)])[TopicPartition(topic, 0)].result(30)
    with pytest.raises(SourceFailed, match=r"partition 0: position \d+ is not in the topic, which keeps 50 to 100.*--from earliest"):
        first_of(opened())


def test_lag_and_what_is_before_the_start(broker: Broker, topic: str, opened: Open) -> None:
    broker.produce(topic, [line(number) for number in range(100)], partition=1)
    source = opened(start="latest")
    poll_until([source], lambda: source.lag().before == 100)
    broker.produce(topic, [line(number) for number in range(50)], partition=1)
    got = ids_of(first_of(source, rows=20))
    assert source.lag().behind == 50 - len(got)


def test_columns_that_are_carried(broker: Broker, topic: str, unique: str, opened: Open, tmp_path: Path) -> None:
    """Key, headers, timestamp, partition and, on request, the source id reach the output as they were."""
    out = broker.create_topic(f"{unique}-out", partitions=4)
    broker.produce(topic, [b"a", None], [b"k", None], headers=[("h", b"1"), ("h", None)], timestamp=1_372_636_800_123, partition=2)
    sink = open_sink(settings.Sink(url=broker.url(out), partitioner="source"), folder=tmp_path, limits=LIMITS, source_id="header")
    for records in batches_of(opened(until="end")):
        sink.write(records, outcome_with([b"A"] * len(records)))
    sink.close()
    seen = broker.visible(out)
    assert [(each.key, each.partition, each.timestamp_ms) for each in seen] == [(b"k", 2, 1_372_636_800_123), (None, 2, 1_372_636_800_123)]
    assert [list(each.headers) for each in seen] == [
        [("h", b"1"), ("h", None), ("instream-source", f"{topic}/2/{offset}".encode())] for offset in (0, 1)
    ]


def test_keys_are_placed_as_java_does(broker: Broker, unique: str, tmp_path: Path) -> None:
    """Source: Kafka's Utils.toPositive(Utils.murmur2(key)) % 4, computed with kafka-clients 4.1.0."""
    out = broker.create_topic(f"{unique}-out", partitions=4)
    sink = open_sink(settings.Sink(url=broker.url(out)), folder=tmp_path, limits=LIMITS)
    keys = [b"LHR", b"JFK", b"flight-1", b"\x00\xff", b"a-rather-long-key-of-a-record"]
    given = records_with([b"in"] * len(keys))
    sink.write(
        type(given)(given.topic, given.values, given.partitions, given.offsets, given.positions, keys), outcome_with([b"x"] * len(keys))
    )
    sink.close()
    assert {each.key: each.partition for each in broker.visible(out)} == {key: murmur2(key) % 4 for key in keys}


def murmur2(key: bytes) -> int:
    """The reference: org.apache.kafka.common.utils.Utils.murmur2, made positive."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(key)) & mask
    for i in range(0, len(key) // 4 * 4, 4):
        k = int.from_bytes(key[i : i + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if rest := key[len(key) // 4 * 4 :]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7FFFFFFF


def test_a_topic_that_is_not_there(broker: Broker, unique: str, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=f"no topic '{unique}'"):
        open_source(settings.Source(url=broker.url(unique)), group=unique, member="m", folder=tmp_path, limits=LIMITS)
    with pytest.raises(SinkFailed, match=f"no topic '{unique}'"):
        open_sink(settings.Sink(url=broker.url(unique)), folder=tmp_path, limits=LIMITS)


def test_options_that_laws_rest_on_are_refused(broker: Broker, opened: Open) -> None:
    with pytest.raises(SettingsInvalid, match=r"'enable\.auto\.commit' cannot be set: positions are committed when"):
        opened(**{"enable.auto.commit": True})


def test_security_options_are_passed_on(
    broker: Broker, topic: str, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: ExitStack
) -> None:
    """SASL with the password from the environment; a wrong one is refused with what to check, and never shown."""
    broker.produce(topic, [line(0)])
    options = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": USER, "sasl.password": "${env:PW}"}
    given = settings.Source(url=f"kafka://{broker.secured}/{topic}", start="earliest", options=options)
    monkeypatch.setenv("PW", PASSWORD)
    source = open_source(given, group=unique, member="m", folder=tmp_path, limits=LIMITS)
    ending.callback(source.close)
    assert ids_of(first_of(source)) == [0]
    monkeypatch.setenv("PW", "wrong-secret")
    with pytest.raises(SourceFailed, match=r"sasl\.password") as failed:
        first_of(open_source(given, group=None, member="m", folder=tmp_path, limits=LIMITS))
    assert "wrong-secret" not in str(failed.value)


def test_a_record_that_the_topic_refuses_is_never_durable(broker: Broker, unique: str, tmp_path: Path) -> None:
    out = broker.create_topic(f"{unique}-out", max_message_bytes="2000")
    sink = open_sink(settings.Sink(url=broker.url(out), options={"compression.type": "none"}), folder=tmp_path, limits=LIMITS)
    before = sink.write(records_with([b"in"]), outcome_with([b"small"]))
    assert sink.flush(30) == before
    sink.write(records_with([b"in"]), outcome_with([b"x" * 5_000]))
    with pytest.raises(SinkFailed, match="large"):
        sink.flush(30)
    with pytest.raises(SinkFailed):
        sink.write(records_with([b"in"]), outcome_with([b"small"]))
    with pytest.raises(SinkFailed):
        sink.durable()


def test_the_broker_restarts_under_source_and_sink(unique: str, tmp_path: Path) -> None:
    """Both wait for it, and nothing is lost; what was not committed may come twice."""
    with Broker() as own:
        topic, out = own.create_topic("in", partitions=2), own.create_topic("out", partitions=2)
        own.produce(topic, [line(number) for number in range(1_000)])
        given = settings.Source(url=own.url(topic), start="earliest")
        source = open_source(given, group=unique, member="m", folder=tmp_path, limits=LIMITS, until="end")
        sink = open_sink(settings.Sink(url=own.url(out)), folder=tmp_path, limits=LIMITS)
        done: list[int] = []
        source.listen(done.clear, done.clear)
        away = threading.Thread(target=own.restart)
        for records in batches_of(source, rows=10):
            sink.write(records, outcome_with(records.values))
            if len(done) == 30:
                away.start()
            done.append(1)
        away.join()
        source.close()
        own.kill()
        ticket = sink.write(records_with([b"in"] * 3), outcome_with([line(1_000)] * 3))
        assert sink.flush(1) < ticket, "nobody can have acknowledged it"
        own.start()
        assert sink.flush(60) == ticket
        sink.close()
        assert set(own.visible_ids(out)) == set(range(1_001))


def test_a_rival_of_the_same_name_is_told_apart_from_a_lost_answer(broker: Broker, topic: str, opened: Open) -> None:
    """Fenced once, a member joins again; fenced again at once, it says that another worker has its name."""
    broker.produce(topic, [line(0)])
    first = opened()
    lost: list[int] = []
    first.listen(lambda: None, lambda: lost.append(1))
    assert first_of(first)
    rival = opened()
    with pytest.raises(SourceFailed, match="another worker runs as"):
        poll_until([rival, first], lambda: False)
    assert lost
