"""Each law of a loaded model fails a model that was broken on purpose."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from instream import golden
from instream.package import File, Manifest, Package, Step, Tolerance, sha256_of
from instream.signature import Field, Signature
from instream.testing.formats import LoadedModelLaws

SIGNATURE = Signature((Field("a", "float64", nullable=True), Field("b", "float64")), (Field("y", "float64"),))
LAWS = LoadedModelLaws()


class Model:
    """y = a + 2 b, null as 0; `answer` and `before` are where a test breaks it."""

    signature = SIGNATURE
    nbytes = 1 << 20

    def columns(self, batch: pa.RecordBatch) -> tuple[Any, Any]:
        return batch["a"].fill_null(0).to_numpy(), batch["b"].to_numpy()

    def answer(self, y: Any) -> Any:
        return y

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        a, b = self.columns(batch)
        return pa.RecordBatch.from_arrays([pa.array(self.answer(a + 2 * b), from_pandas=True)], schema=SIGNATURE.produces)


class DropsARow(Model):
    def answer(self, y: Any) -> Any:
        return y[:-1]


class FailsOnNone(Model):
    def answer(self, y: Any) -> Any:
        return y - y.max()


class LeavesANull(Model):
    def answer(self, y: Any) -> Any:
        return np.where(np.arange(len(y)) == 3, np.nan, y)


class Sorts(Model):
    def answer(self, y: Any) -> Any:
        return np.sort(y)


class LooksAtTheBatch(Model):
    def answer(self, y: Any) -> Any:
        return y - y.mean() if len(y) else y


class TakesColumnsByPlace(Model):
    def columns(self, batch: pa.RecordBatch) -> tuple[Any, Any]:
        return batch.column(0).fill_null(0).to_numpy(), batch.column(1).fill_null(0).to_numpy()


class SharesAPlace(Model):
    def answer(self, y: Any) -> Any:
        self.place = y
        time.sleep(0.002)  # long enough for another thread to come between
        return self.place[: len(y)] if len(self.place) >= len(y) else np.zeros(len(y))


class NullsSpill(Model):
    def columns(self, batch: pa.RecordBatch) -> tuple[Any, Any]:
        a = batch["a"].to_numpy(zero_copy_only=False)
        return (np.zeros(len(a)) if np.isnan(a).any() else a), batch["b"].to_numpy()


class WritesIntoTheBatch(Model):
    def columns(self, batch: pa.RecordBatch) -> tuple[Any, Any]:
        b = np.frombuffer(batch["b"].buffers()[1], np.float64)
        writable = np.ctypeslib.as_array((ctypes.c_double * len(b)).from_address(b.ctypes.data))
        writable += 1
        return super().columns(batch)


class WrongAnswers(Model):
    def answer(self, y: Any) -> Any:
        return y + 0.1


class TellsNoMemory(Model):
    nbytes = 0


def rows() -> pa.RecordBatch:
    random = np.random.default_rng(0)
    return pa.RecordBatch.from_arrays([pa.array(random.normal(size=300)), pa.array(random.normal(size=300))], schema=SIGNATURE.requires)


@pytest.fixture
def package(tmp_path: Path) -> Package:
    (tmp_path / "m").write_bytes(b"model")
    kept = golden.write(tmp_path, rows().slice(0, 20), Model().score(rows().slice(0, 20)), {"y": Tolerance()})
    files = tuple(File(name, (tmp_path / name).stat().st_size, sha256_of(tmp_path / name)) for name in ("m", kept.inputs, kept.outputs))
    steps = (Step("none", "m", {}, {"y": "y"}),)
    return Package(Manifest(name="m", signature=SIGNATURE, steps=steps, files=files, golden=kept), tmp_path)


def scored(model: Model) -> pa.RecordBatch:
    return model.score(rows())


Law = Callable[[Model, Package], None]
CASES: dict[str, tuple[Law, type[Model]]] = {
    "one answer a row": (lambda model, package: LAWS.test_one_answer_a_row(model, rows(), scored(model)), DropsARow),
    "none of them null": (lambda model, package: LAWS.test_one_answer_a_row(model, rows(), scored(model)), LeavesANull),
    "no rows": (lambda model, package: LAWS.test_no_rows_no_answers(model, rows()), FailsOnNone),
    "order": (lambda model, package: LAWS.test_answers_stay_with_their_rows(model, package, rows(), scored(model)), Sorts),
    "splitting": (lambda model, package: LAWS.test_splitting_changes_nothing(model=model, package=package, rows=rows()), LooksAtTheBatch),
    "one row": (lambda model, package: LAWS.test_one_row_at_a_time(model, package, rows(), scored(model)), LooksAtTheBatch),
    "names": (lambda model, package: LAWS.test_columns_are_found_by_name(model, package, rows(), scored(model)), TakesColumnsByPlace),
    "threads": (lambda model, package: LAWS.test_threads_do_not_disturb_each_other(model, package, rows()), SharesAPlace),
    "golden": (lambda model, package: LAWS.test_golden_rows_are_reproduced(model, package), WrongAnswers),
    "nulls": (
        lambda model, package: LAWS.test_nulls_are_answered_where_the_signature_allows_them(model, package, rows()),
        NullsSpill,
    ),
    "inputs": (lambda model, package: LAWS.test_inputs_are_left_alone(model, rows()), WritesIntoTheBatch),
    "memory": (lambda model, package: LAWS.test_memory_is_told(model, package), TellsNoMemory),
}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_model_fails_its_law(case: str, package: Package) -> None:
    law, broken = CASES[case]
    law(Model(), package)
    with pytest.raises((AssertionError, ValueError)):
        law(broken(), package)
