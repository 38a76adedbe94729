"""From the return of a write to the first answer that was scored with it, while another thread scores without a pause."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.drain import Failed
from benchmarks.keyed.banks import Bank, linear
from benchmarks.keyed.batches import Batch, batches
from benchmarks.keyed.packages import filled, package
from benchmarks.keyed.places import opened
from benchmarks.keyed.verdicts import Verdict, at_most, table, told
from benchmarks.stage import CONSOLE
from instream.keyed import KeyedModel

_P99_MS = 1_000.0
_P99_MS_OF = {"postgresql": 250.0}
_LOST_S = 30


class Scoring:
    """A thread that scores batches, each with the first key in its first row, and notes when that key's revision changed."""

    def __init__(self, model: KeyedModel, given: Sequence[Batch]) -> None:
        self._model = model
        self._given = given
        self._stop = threading.Event()
        self._moved = threading.Condition()
        self._seen: dict[int, float] = {}
        self.rows = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        last = None
        while not self._stop.is_set():
            for batch in self._given:
                outputs = self._model.answer(batch.columns).outputs
                self.rows += outputs.num_rows
                if (revision := outputs.column("parameters")[0].as_py()) != last:
                    with self._moved:
                        self._seen[revision], last = time.perf_counter(), revision
                        self._moved.notify_all()

    def first_at(self, revision: int) -> float:
        """When the first answer by this revision was there. Raises Failed where none comes."""
        with self._moved:
            if not self._moved.wait_for(lambda: revision in self._seen, _LOST_S):
                raise Failed(f"revision {revision} was not scored with in {_LOST_S} s")
            return self._seen[revision]

    def __enter__(self) -> Scoring:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def freshness(where: Mapping[str, str], folder: Path, puts: int, keys: int) -> dict[str, Any]:
    """p50 and p99 of each kind of store."""
    bank = linear(keys)
    measured = {}
    for kind, url in where.items():
        with CONSOLE.status(f"put to scored: {kind}"):
            measured[kind] = _measured(bank, url, folder, puts)
    verdicts: list[Verdict] = []
    for kind, found in measured.items():
        verdicts += [
            told(f"{kind}: p50, ms", [float(np.percentile(found, 50))], ".1f"),
            at_most(f"{kind}: p99, ms", [float(np.percentile(found, 99))], _P99_MS_OF.get(kind, _P99_MS), ".1f"),
            told(f"{kind}: longest, ms", [max(found)], ".1f"),
        ]
    CONSOLE.print(table(f"Put to scored, at full load: {puts} puts, {keys:,} keys", verdicts))
    return {"ms": measured, "verdicts": verdicts}


def _measured(bank: Bank, url: str, folder: Path, puts: int) -> Sequence[float]:
    """In milliseconds. The writer has a store of its own, as it has in another process; its puts keep no step with any poll."""
    random = Random(1)
    with followed(bank, url, folder) as model, Scoring(model, probing(bank)) as scoring:
        writer = opened(url, folder).parameters_of(package(bank, folder / "fresh", "fresh").manifest.digest)
        found = []
        for number in range(puts):
            time.sleep(random.uniform(0, 0.1))
            text = bank.texts[0]
            revision = writer.write({text: bank.payload(0, 1 + number)})[text]
            returned = time.perf_counter()
            found.append(max(0.0, scoring.first_at(revision) - returned) * 1e3)
    return found


@contextmanager
def followed(bank: Bank, url: str, folder: Path) -> Iterator[KeyedModel]:
    """A model of all keys, which follows its store."""
    store = opened(url, folder)
    made = package(bank, folder / "fresh", "fresh")
    parameters = filled(bank, store, made)
    model = KeyedModel(made, parameters, label="fresh@1", hot=bank.texts)
    model.start()
    try:
        yield model
    finally:
        model.close()
        model._keeper._thread.join()  # else it complains of a store that is closed
        parameters.clear()
        store.close()


def probing(bank: Bank) -> Sequence[Batch]:
    """Batches whose first row has the first key."""
    found = []
    for batch in batches(bank, "uniform", 40):
        keys = batch.columns.column(0).to_pylist()
        keys[0] = bank.keys[0]
        found.append(Batch(batch.columns.set_column(0, batch.columns.schema.field(0), pa.array(keys)), batch.numbers, batch.rows))
    return found
