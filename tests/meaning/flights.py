"""Real flights, some of them spoiled in every way, and a pipeline for them by each strategy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

import instream
from examples.flights.data import FEATURES, first_months, flights, later_months, lines
from examples.flights.routes import MODEL, NUMBERS, publish
from examples.flights.strategies import asks, of_keys, server
from examples.flights.train import version_1
from instream.testing.meaning import MeaningLaws, Subject

RECORDS = 100_000
SPOILED_EVERY = 500

_FILE = """\
name = "meaning"

[model]
name = "delay"
store = "sqlite:///{folder}/models.db"

[features]
function = "steps.py:prepared"

[output]
echo = ["id"]

[limits]
record_bytes = 2000

[source]
url = "-"

[source.fields]
carrier = {{ at = "carrier", type = "string" }}
origin = {{ at = "origin", type = "string" }}
dest = {{ at = "dest", type = "string" }}
hour = {{ at = "hour", type = "float64" }}
minute = {{ at = "minute", type = "float64" }}
sched_arr_time = {{ at = "sched_arr_time", type = "float64" }}
distance = {{ at = "distance", type = "float64" }}
dep_delay = {{ at = "dep_delay", type = "float64", nullable = true }}

[sink]
url = "-"
"""

_STEPS = '''\
"""Beside the pipeline file: leaves out what needs no answer, and cannot take an hour of 99."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def prepared(batch):
    if pc.any(pc.equal(batch.column("hour"), 99.0)).as_py():
        raise ValueError("hour 99")
    kept = pc.invert(pc.equal(batch.column("dest"), "ANC"))
    rows = pa.array(np.flatnonzero(kept.to_numpy(zero_copy_only=False)).astype(np.int32))
    taken = batch.take(rows)
    return pa.RecordBatch.from_arrays([*taken.columns, rows], names=[*batch.schema.names, "__row"])
'''

_SPOILED: tuple[bytes | None, ...] = (
    None,
    b"",
    b"{",
    b'{"id": 1}{"id": 2}',
    b'{"id": "\xff"}',
    b"[]",
    b'{"carrier": 5}',
    b" " * 3_000,
    b"null",
)


@contextlib.contextmanager
def flight_subject(folder: Path) -> Iterator[Subject]:
    """Models, file and records in `folder`, and a server of them, for as long as the block lasts."""
    learn = first_months(flights())
    learn = learn.astype(dict.fromkeys(NUMBERS, float))  # one type for both models
    store = f"sqlite:///{folder}/models.db"
    instream.publish(version_1(learn), name="delay", sample=learn[FEATURES].sample(2_000, random_state=0), store=store)
    publish(learn, store)
    (folder / "steps.py").write_text(_STEPS)
    file = folder / "meaning.toml"
    file.write_text(_FILE.format(folder=folder))
    records: list[bytes | None] = [*lines(later_months(flights()).head(RECORDS))]
    for number in range(7, RECORDS, SPOILED_EVERY):
        kind = number // SPOILED_EVERY % (len(_SPOILED) + 2)
        if kind < len(_SPOILED):
            records[number] = _SPOILED[kind]
        else:
            records[number] = (records[number] or b"").replace(b'"hour": ', b'"hour": 99, "was": ' if kind == len(_SPOILED) else b'"h": ')
    chance = Random(1)
    keys = [None if chance.random() < 0.01 else b"%d" % (number % 1_000) for number in range(RECORDS)]
    with server(folder, store) as running:
        yield Subject(file, records, keys, {"embedded": [], "remote": asks(running), "database": of_keys(MODEL)})


class FlightLaws(MeaningLaws):
    """For an engine, which supplies its options."""

    @pytest.fixture(scope="class")
    def subject(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
        with flight_subject(tmp_path_factory.mktemp("flights")) as made:
            yield made
