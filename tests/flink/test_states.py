"""What a run goes on from: the newest complete state that counts; and positions that are not in the topic."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from instream.connectors.url import KafkaUrl
from instream.errors import SetUpFailed, SourceFailed
from instream.flink.ends import End
from instream.flink.positions import Positions
from instream.flink.states import States
from instream.settings import Pipeline
from instream.testing.kafka import Broker

pytestmark = pytest.mark.slow  # each asks a JVM or a broker

OLD_S = 1_000_000_000


@pytest.fixture
def states(tmp_path: Path) -> States:
    return States(Pipeline.model_validate({"name": "delays", "model": {"name": "delay"}, "folder": tmp_path}))


def put(folder: Path, state: str, at_s: int) -> Path:
    made = folder / "checkpoints/delays" / state
    made.mkdir(parents=True)
    (made / "_metadata").touch()
    for path in (made / "_metadata", made, made.parent):
        os.utime(path, (at_s, at_s))
    return made


def test_the_newest_complete_one(states: States, tmp_path: Path) -> None:
    """A checkpoint without its last file is none; of both kinds of runs the newest counts."""
    assert states.newest() is None
    put(tmp_path, "endless/aa/chk-7", OLD_S)
    put(tmp_path, "endless/savepoint-aa-1", OLD_S + 5)
    put(tmp_path, "bounded/bb/chk-1", OLD_S + 9)
    put(tmp_path, "endless/cc/chk-2", OLD_S + 99)
    (tmp_path / "checkpoints/delays/endless/cc/chk-2/_metadata").unlink()
    newest = states.newest()
    assert newest is not None
    assert (newest.kind, newest.is_savepoint, newest.url.rstrip("/").rpartition("delays/")[2]) == ("bounded", False, "bounded/bb/chk-1")


def test_what_counts_no_more(states: States, tmp_path: Path) -> None:
    """`void` leaves all behind; what is old and does not count is deleted, and nothing else."""
    put(tmp_path, "endless/savepoint-aa-1", OLD_S)
    put(tmp_path, "endless/bb/chk-3", OLD_S)
    states.tidy(OLD_S * 1000 + 1)
    assert states.newest() is not None
    states.void()
    assert states.newest() is None
    states.tidy(OLD_S * 1000)
    assert (tmp_path / "checkpoints/delays/endless/bb").exists()
    states.tidy(OLD_S * 1000 + 1)
    assert not list((tmp_path / "checkpoints/delays/endless").iterdir())
    states.keep_ends({0: 5, 1: 2**40})
    assert states.ends() == {0: 5, 1: 2**40}


def test_one_run_at_a_time(states: States) -> None:
    with states.alone(), pytest.raises(SetUpFailed, match="another run of this pipeline"), states.alone():
        pass
    with states.alone():
        pass


def test_a_position_that_retention_removed(broker: Broker, unique: str) -> None:
    """Never a jump: the run does not begin, and says how to go on."""
    broker.create_topic(unique)
    positions = Positions(End(KafkaUrl(broker.bootstrap, unique), {}, {}), unique)
    positions.begin("earliest")
    broker.produce(unique, [b"1", b"2", b"3"])
    positions.check()
    positions.commit({0: 1})
    positions.commit({0: 0})
    assert positions.committed() == {0: 1}
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for done in admin.delete_records([TopicPartition(unique, 0, 2)]).values():
        done.result(20)
    with pytest.raises(SourceFailed, match=r"position 1 is not in the topic, which keeps 2 to 3: .* --from earliest"):
        positions.check()
