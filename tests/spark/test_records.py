"""What Spark writes for each kind of record is what our own workers write, but for timestamps, which Spark's sink has no column for."""

from __future__ import annotations

from collections import Counter

import pytest

from instream.process.exits import Exit
from instream.testing.kafka import PASSWORD, USER, Broker
from instream.testing.spark import SparkPipeline, empty_environment, source_of
from instream.testing.topics import Seen, produce
from tests.spark.conftest import Make

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FEATURES = """
import pyarrow as pa
import pyarrow.compute as pc

def step(batch):
    kept = pc.not_equal(batch.column("x"), 99.0)
    rows = pa.array(range(batch.num_rows), pa.int32())
    batch = pa.RecordBatch.from_arrays([*batch.columns, rows], names=[*batch.schema.names, "__row"])
    return batch.filter(kept)
"""
STEP = """
[features]
function = "step.py:step"

[limits]
record_bytes = "1KB"
"""
POISON = """
import os

def step(batch):
    if 666.0 in batch.column("x").to_pylist():
        os.kill(os.getpid(), 9)
    return batch
"""
ODD = [None, b"", b'{"id": 1, "x"', b"\xff\xfe", b'{"id": 2}', b'{"id": 3, "x": "n/a"}', b'{"id": 4, "pad": "%s", "x": 1}' % (b"a" * 2_000)]


def facts(seen: list[Seen]) -> Counter[object]:
    """Everything about records but where and when they were written, in any order."""
    return Counter((each.key, each.value, tuple(each.headers)) for each in seen)


def fill(pipeline: SparkPipeline) -> None:
    pipeline.produce([b'{"id": %d, "x": %d.5}' % (i, i % 50) for i in range(3_000)])
    pipeline.produce([b'{"id": %d, "x": %d}' % (i, i) for i in range(90, 110)], keys=[b"k%d" % (i % 7) for i in range(20)])
    own = [("trace", b"1"), ("trace", b"2"), ("none", None), ("instream-error", b"of an earlier failure")]
    pipeline.produce(ODD, keys=[b"a", None, b"c", b"\xff", b"", b"f", b"g"], headers=own)
    pipeline.produce([b'{"id": %d, "x": 1}' % i for i in range(2_000)], keys=[b"%d" % (i % 97) for i in range(2_000)])
    pipeline.produce([b'{"id": 7, "x": 7}'], key=b"with headers", headers=own)


def test_spark_writes_what_our_own_workers_write(make: Make, broker: Broker) -> None:
    """Values, keys, headers, dead letters with their reasons, filtered records; from another folder with an empty environment."""
    ours = make(more=STEP)
    (ours.folder / "step.py").write_text(FEATURES)
    fill(ours)
    done = ours.to_end("--until", "end", environ=empty_environment())
    assert done.returncode == 0, done.stderr
    spark_out, spark_dead = ours.outputs(), ours.letters()
    done = ours.to_end("--until", "end", engine="workers")
    assert done.returncode == 0, done.stderr
    workers_out, workers_dead = ours.outputs(), ours.letters()
    assert len(spark_out) == 5_000 + 19 + 1  # one was filtered
    assert len(spark_dead) == len(ODD)
    assert facts(workers_out) == facts(spark_out) + facts(spark_out)
    assert facts(workers_dead) == facts(spark_dead) + facts(spark_dead)
    check_places(spark_out, workers_out)


def check_places(by_spark: list[Seen], by_both: list[Seen]) -> None:
    """A key lies where our own workers put it, so that joins hold; records of a source partition are in order in each of the output's."""
    keyed = {seen.key for seen in by_spark if seen.key is not None}
    assert len(keyed) == 97 + 7 + 1
    assert len({(seen.key, seen.partition) for seen in by_both if seen.key is not None}) == len(keyed)
    for number in (0, 1):
        for whence in (0, 1):
            at = [int(source_of(seen).split("/")[2]) for seen in by_spark if seen.partition == number and f"/{whence}/" in source_of(seen)]
            assert at == sorted(at)
            assert at


def test_dead_letters_on_another_cluster_with_a_password(make: Make, broker: Broker) -> None:
    """Two producers are two writes; each record is scored once, and librdkafka's words for a login are understood."""
    made = make()
    text = made.file.read_text()
    dead = f'url = "kafka://{broker.secured}/{made.name}-dead"\noptions = {{ "security.protocol" = "SASL_PLAINTEXT", '
    dead += f'"sasl.mechanisms" = "PLAIN", "sasl.username" = "{USER}", "sasl.password" = "{PASSWORD}", "queued.min.messages" = 1000 }}'
    made.file.write_text(
        text.replace(f'url = "{broker.url(made.name)}-dead"', dead).replace("sink]\nurl", 'sink]\npartitioner = "source"\nurl')
    )
    made.produce([b'{"id": 1, "x": 1}', b"{"] * 50, keys=[b"k"] * 100)
    done = made.to_end("--until", "end")
    assert done.returncode == 0, done.stderr
    assert len(made.outputs()) == len(made.letters()) == 50
    assert all(seen.partition == int(source_of(seen).split("/")[1]) for seen in made.outputs())
    made.file.write_text(made.file.read_text().replace(PASSWORD, "wrong"))
    done = made.to_end("--until", "end")
    assert done.returncode != 0
    assert "sasl.password" in done.stderr


def test_too_many_dead_letters_and_a_bad_record_end_the_run_at_once(make: Make, broker: Broker) -> None:
    """Not after Spark's tries and ours; the class and the words are those of our own workers."""
    made = make()
    made.produce([b"{"] * 3_000)
    done = made.to_end()
    assert done.returncode == Exit.DEAD_LETTERS
    assert "TooManyDeadLetters" in done.stderr
    assert "starting again" not in done.stderr
    made.file.write_text(made.file.read_text().replace(f'url = "{broker.url(made.name)}-dead"\n', ""))
    done = made.to_end()
    assert done.returncode == Exit.BAD_RECORD
    assert "BadRecord" in done.stderr
    assert f"{made.name}-in:" in done.stderr  # which record


def test_a_record_that_kills_its_process_ends_the_run_after_a_few_tries(make: Make) -> None:
    """A crash loop: Spark's tries of a task, then ours of the query, then an end that says where."""
    made = make(more='[features]\nfunction = "step.py:step"\n')
    (made.folder / "step.py").write_text(POISON)
    made.produce([b'{"id": 1, "x": 1}', b'{"id": 2, "x": 666}'])
    done = made.to_end("--set", "engine.restarts=1", "--set", "engine.restart_ms=10")
    assert done.returncode == Exit.REFUSED
    assert "starting again from the last commit, try 1 of 1" in done.stderr
    assert f"InstreamError: {made.name}: a Python worker died while it scored" in done.stderr
    assert len(done.stderr) < 20_000  # what Spark says of each try is cut


def test_a_topic_that_is_not_there_is_said(make: Make) -> None:
    made = make()
    made.file.write_text(made.file.read_text().replace(f"{made.name}-out", "absent"))
    done = made.to_end()
    assert done.returncode != 0
    assert "no topic 'absent' there: create it" in done.stderr


def test_from_begins_anew_and_the_next_run_goes_on_from_there(make: Make) -> None:
    """`--from` makes a checkpoint beside the old one; positions are in neither case Kafka's."""
    made = make()
    produce(made.bootstrap, f"{made.name}-in", [b'{"id": %d, "x": 1}' % i for i in range(10)])
    for arguments, outputs in (((), 10), (("--from", "earliest"), 20), ((), 20)):
        done = made.to_end("--until", "end", *arguments)
        assert done.returncode == 0, done.stderr
        assert len(made.outputs()) == outputs
    assert sorted(each.name for each in (made.folder / "checkpoints" / made.name).iterdir()) == ["1", "2"]
