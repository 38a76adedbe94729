"""A stream that goes on: models swapped, processes killed, runs ended and begun again; nothing lost, and copies are identical."""

from __future__ import annotations

import os
import re
import signal
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from instream.spark import Once
from instream.testing import topics
from instream.testing.faults.running import gone
from instream.testing.spark import SparkPipeline, source_of
from instream.testing.topics import Seen
from tests.spark.conftest import Make

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

SMALL_BATCHES = """
[engine]
batch_records = 400
workers = 2
"""
GONE_S = 15.0


def values(seen: Iterable[Seen]) -> list[dict[str, float]]:
    return [msgspec.json.decode(each.value or b"") for each in seen]


def versions(seen: Iterable[Seen]) -> set[float]:
    return {value["version"] for value in values(seen)}


def records(first: int, count: int) -> list[bytes | None]:
    return [b'{"id": %d, "x": %d}' % (i, i) for i in range(first, first + count)]


def copies(seen: Iterable[Seen]) -> dict[str, list[tuple[int, bytes | None, bytes | None]]]:
    """By source id: where each of its outputs lies, with key and value."""
    found = defaultdict(list)
    for each in seen:
        found[source_of(each)].append((each.partition, each.key, each.value))
    return found


def pace(pipeline: SparkPipeline) -> None:
    """Put the settings of small batches into the file, whose last table is [engine.options]."""
    pipeline.file.write_text(pipeline.file.read_text().replace("[engine.options]", f"{SMALL_BATCHES}\n[engine.options]"))


def test_a_model_is_swapped_and_a_python_worker_killed_in_mid_stream(make: Make) -> None:
    """One run: version 1, a killed worker, version 2 without a restart, SIGTERM; the next run goes on and repeats nothing."""
    made = make()
    pace(made)
    running = made.start()
    made.produce(records(0, 1_000))
    made.wait_until(lambda seen: len(seen) >= 1_000, running)
    workers = made.python_workers(running)
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    made.produce(records(1_000, 1_000))
    made.wait_until(lambda seen: len(copies(seen)) >= 2_000, running)
    made.promote(3.0)
    at, until = 2_000, time.monotonic() + 60
    while 2 not in versions(made.outputs()):
        assert time.monotonic() < until, running.log
        made.produce(records(at, 100))
        at += 100
        time.sleep(0.5)
    assert running.terminate() == 0, running.log
    assert "ended" in running.log
    before = made.outputs()
    made.produce(records(at, 100))
    done = made.to_end("--until", "end")
    assert done.returncode == 0, done.stderr
    after = made.outputs()
    assert len(copies(after)) == at + 100
    assert len(after) - len(copies(after)) == len(before) - len(copies(before))  # SIGTERM ended between batches
    assert versions(after) == {1, 2}
    assert all(value["y"] == value["id"] * (value["version"] + 1) for value in values(after))


def test_the_driver_killed_between_write_and_commit_repeats_the_same_answers(make: Make, tmp_path: Path) -> None:
    """A promotion lies between both tries: the batch is pinned, so its copies have one version; and Once shows each record once."""
    made = make()
    pace(made)
    plan = tmp_path / "kill"
    plan.write_text("produced:3\n")
    made.produce([*records(0, 1_500), b"{", None], keys=[b"%d" % i if i % 3 else None for i in range(1_502)])
    running = made.start(kill_at=plan)
    assert running.wait() == -signal.SIGKILL, running.log
    assert "killed at produced" in running.log
    assert 1_190 <= len(made.outputs()) <= 1_200  # Spark shares a batch out among partitions, and rounds down
    made.promote(3.0)
    done = made.to_end("--until", "end")
    assert done.returncode == 0, done.stderr
    outputs = made.outputs()
    found = copies(outputs)
    assert len(found) == 1_500
    assert {source_of(seen) for seen in made.letters()} | set(found) == {f"{made.name}-in/{p}/{o}" for p, o in places(made)}
    repeated = {source: tries for source, tries in found.items() if len(tries) > 1}
    assert 390 <= len(repeated) <= 400  # the batch that was written and not committed
    assert all(len(set(tries)) == 1 for tries in repeated.values())
    assert versions(outputs) == {1, 2}
    assert versions(seen for seen in outputs if source_of(seen) in repeated) == {1}
    once = Once(window=400)
    new = [seen for seen in outputs if once.is_new(seen.partition, source_of(seen).encode())]
    assert sorted(value["id"] for value in values(new)) == list(range(1_500))


def places(made: SparkPipeline) -> list[tuple[int, int]]:
    return [(seen.partition, seen.offset) for seen in topics.visible(made.bootstrap, f"{made.name}-in")]


def test_figures_are_served_and_what_is_left_of_a_killed_run_ends_by_itself(make: Make) -> None:
    """Prometheus has the Python workers' figures; JVM and Python workers see that their driver is gone."""
    made = make()
    running = made.start("--set", "engine.metrics=127.0.0.1:0")
    made.produce(records(0, 10))
    made.wait_until(lambda seen: len(seen) == 10, running)
    found = re.search(r"metrics at (\S+)", running.log)
    assert found is not None, running.log
    with urllib.request.urlopen(found[1], timeout=10) as answer:
        assert f'instream_records_out_total{{pipeline="{made.name}"}} 10.0' in answer.read().decode()
    left = [*running.workers(), *made.python_workers(running)]
    assert len(left) >= 2
    running.kill()
    assert gone(left, GONE_S), left
