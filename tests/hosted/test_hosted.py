"""A pipeline in a process of another engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest

from instream.errors import BadRecord, PackageRefused, TooManyDeadLetters
from instream.hosted import Job, hosted, job_of, shared, written
from instream.pipeline.letter import read_headers
from instream.predictor import Call
from instream.records import Partition, Records
from instream.settings import DeadLetter, Model, Pipeline
from instream.stores import open_store
from instream.testing.models import linear_package

FIRST, SECOND = 2.0, 3.0


def records(values: list[bytes | None]) -> Records:
    count = len(values)
    return Records("in", values, np.zeros(count, np.int32), np.arange(count, dtype=np.int64), {Partition("in", 0): count})


def numbers(count: int) -> Records:
    return records([b'{"x": %d}' % n for n in range(count)])


@pytest.fixture
def store(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/models.db"
    open_store(url).put(linear_package(tmp_path, FIRST))
    return url


@pytest.fixture
def settings(store: str, tmp_path: Path) -> Pipeline:
    return Pipeline(
        name=f"hosted-{tmp_path.name}",
        model=Model(name="delay", store=store),
        dead_letter=DeadLetter(url="kafka://h:1/dead"),
        folder=tmp_path,
    )


@pytest.fixture
def job(settings: Pipeline) -> Job:
    return job_of(settings)


def y_of(value: bytes | None) -> float:
    assert value is not None
    return float(msgspec.json.decode(value)["y"])


def test_tasks_share_one_pipeline(job: Job) -> None:
    def task(_: int) -> tuple[int, list[float]]:
        with hosted(job) as found:
            return id(found), [y_of(value) for value in found.process(numbers(100)).values]

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(task, range(40)))
    assert len({found for found, _ in done}) == 1
    assert all(ys == [FIRST * n for n in range(100)] for _, ys in done)


def test_what_nobody_uses_is_closed_but_for_the_newest(settings: Pipeline) -> None:
    jobs = [job_of(settings.model_copy(update={"name": f"{settings.name}-{n}"})) for n in range(5)]
    found = []
    for each in jobs:
        with hosted(each) as pipeline:
            found.append(pipeline)
    assert [pipeline.ready().ready for pipeline in found] == [False] * 3 + [True] * 2
    assert len(shared._places) == shared.IDLE_MAX


def test_a_batch_that_is_pinned_to_a_head_is_scored_by_its_version(job: Job, store: str, tmp_path: Path) -> None:
    with hosted(job) as found:
        first = found.ready()
        number = open_store(store).put(linear_package(tmp_path, SECOND))
        with pytest.raises(PackageRefused, match=f"head {first.head + 7} is not loaded"):
            found.process(numbers(1), Call(pin=first.head + 7))
        with hosted(job.at(number)) as other:
            assert y_of(other.process(numbers(3)).values[2]) == 2 * SECOND
        assert y_of(found.process(numbers(3), Call(pin=first.head)).values[2]) == 2 * FIRST


def test_bad_records_are_dead_letters_in_their_place(job: Job) -> None:
    values = [b'{"x": 1}', b"{", None, b'{"x": 2}']
    with hosted(job) as found:
        given = records(values)
        made = written(given, found.process(given), pipeline=found.pipeline)
    assert [made.values[row] for row in (1, 2)] == [b"{", b""]
    assert [y_of(made.values[row]) for row in (0, 3)] == [FIRST, 2 * FIRST]
    letters = {row: read_headers(made.values[row], None, headers) for row, headers in made.dead.items()}
    assert {row: (letter.code, letter.source, letter.value) for row, letter in letters.items()} == {
        1: ("not_json", "in/0/1", b"{"),
        2: ("empty", "in/0/2", None),
    }


def test_too_many_of_them_stop_it(job: Job) -> None:
    with hosted(job) as found, pytest.raises(TooManyDeadLetters, match=r"of the last"):
        found.process(records([b"{", b'{"x": 1}'] * 1_000))


def test_without_a_place_for_them_the_first_stops_it(settings: Pipeline) -> None:
    with (
        hosted(job_of(settings.model_copy(update={"dead_letter": DeadLetter()}))) as found,
        pytest.raises(BadRecord, match=r"in:0:1: not_json.*dead_letter\.url"),
    ):
        found.process(records([b'{"x": 1}', b"{"]))


def test_who_asks_for_columns_gets_failures_and_no_judge(settings: Pipeline) -> None:
    with hosted(job_of(settings.model_copy(update={"dead_letter": DeadLetter()}), letters=False)) as found:
        assert len(found.process(records([b"{"] * 2_000)).failures) == 2_000
