"""Laws of a loaded model, whatever its format. A format's test gives a package and rows that it can score."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instream import golden
from instream.compare import worst
from instream.formats import load
from instream.package import Package
from instream.predictor import LoadedModel

ROWS = 200
"""At least so many rows must the fixture `rows` have."""


def parts(batch: pa.RecordBatch, cuts: Sequence[int]) -> list[pa.RecordBatch]:
    """The batch cut before some rows; parts may be empty."""
    edges = [0, *sorted(cuts), batch.num_rows]
    return [batch.slice(start, end - start) for start, end in itertools.pairwise(edges)]


def joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


class LoadedModelLaws:
    """Override `package` and `rows`."""

    @pytest.fixture(scope="class")
    @classmethod
    def package(cls) -> Package:
        raise NotImplementedError("a package on this machine")

    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls) -> pa.RecordBatch:
        raise NotImplementedError(f"at least {ROWS} rows that the package can score, with nulls where it allows them")

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, package: Package) -> LoadedModel:
        return load(package)

    @pytest.fixture(scope="class")
    @classmethod
    def scored(cls, model: LoadedModel, rows: pa.RecordBatch) -> pa.RecordBatch:
        assert rows.num_rows >= ROWS
        return model.score(rows)

    def test_one_answer_a_row(self, model: LoadedModel, rows: pa.RecordBatch, scored: pa.RecordBatch) -> None:
        """Law 1: as many answers as rows, with the columns and types of the signature, and none of them null."""
        assert scored.num_rows == rows.num_rows
        assert scored.schema.equals(model.signature.produces)
        assert all(column.null_count == 0 for column in scored.columns)

    def test_no_rows_no_answers(self, model: LoadedModel, rows: pa.RecordBatch) -> None:
        """Law 1: an empty batch gives an empty one with the same columns."""
        empty = model.score(rows.slice(0, 0))
        assert empty.num_rows == 0
        assert empty.schema.equals(model.signature.produces)

    def test_answers_stay_with_their_rows(self, model: LoadedModel, package: Package, rows: pa.RecordBatch, scored: pa.RecordBatch) -> None:
        """Law 1: rows in another order give the same answers in that order."""
        order = pa.array(np.random.default_rng(0).permutation(rows.num_rows))
        assert worst(scored.take(order), model.score(rows.take(order)), package.manifest.golden.tolerance) is None

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.function_scoped_fixture],
    )
    @given(cuts=st.lists(st.integers(0, ROWS), max_size=6))
    def test_splitting_changes_nothing(self, model: LoadedModel, package: Package, rows: pa.RecordBatch, cuts: list[int]) -> None:
        """Law 2: a batch scored in parts, each a slice of its memory, has the answers of the whole."""
        some = rows.slice(0, ROWS)
        got = joined([model.score(part) for part in parts(some, cuts)])
        assert worst(model.score(some), got, package.manifest.golden.tolerance) is None

    def test_one_row_at_a_time(self, model: LoadedModel, package: Package, rows: pa.RecordBatch, scored: pa.RecordBatch) -> None:
        """Law 2: a row alone has the answer that it has among others."""
        alone = joined([model.score(rows.slice(at, 1)) for at in range(20)])
        assert worst(scored.slice(0, 20), alone, package.manifest.golden.tolerance) is None

    def test_columns_are_found_by_name(self, model: LoadedModel, package: Package, rows: pa.RecordBatch, scored: pa.RecordBatch) -> None:
        """Law 2: neither the order of the columns nor columns that the model does not read matter."""
        names = list(reversed(rows.schema.names))
        turned = rows.select(names).append_column("not_for_the_model", pa.array(range(rows.num_rows)))
        assert worst(scored, model.score(turned), package.manifest.golden.tolerance) is None

    def test_threads_do_not_disturb_each_other(self, model: LoadedModel, package: Package, rows: pa.RecordBatch) -> None:
        """Law 3: calls at the same time answer as calls one after the other."""
        chunks = parts(rows, range(20, rows.num_rows, 20)) * 3
        alone = [model.score(chunk) for chunk in chunks]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(model.score, chunks))
        for one, other in zip(alone, together, strict=True):
            assert worst(one, other, package.manifest.golden.tolerance) is None

    def test_golden_rows_are_reproduced(self, model: LoadedModel, package: Package) -> None:
        """Law 4: the original's answers, within the tolerance that was fixed at publish."""
        inputs, outputs = golden.read(package)
        assert worst(outputs, model.score(inputs), package.manifest.golden.tolerance) is None

    def test_nulls_are_answered_where_the_signature_allows_them(self, model: LoadedModel, package: Package, rows: pa.RecordBatch) -> None:
        """Law 1: a null in a nullable input costs neither its row nor a neighbour's answer."""
        nullable = [field.name for field in model.signature.inputs if field.nullable]
        some = rows.slice(0, 20)
        before = model.score(some)
        for name in nullable:
            column = pa.concat_arrays([pa.nulls(1, some.schema.field(name).type), some.column(name).slice(1)])
            after = model.score(some.set_column(some.schema.get_field_index(name), some.schema.field(name), column))
            assert worst(before.slice(1), after.slice(1), package.manifest.golden.tolerance) is None
            assert all(each.null_count == 0 for each in after.columns)

    def test_inputs_are_left_alone(self, model: LoadedModel, rows: pa.RecordBatch) -> None:
        """Law 2: scoring does not write into the batch, whose memory is shared."""
        kept = pa.RecordBatch.from_pylist(rows.to_pylist(), schema=rows.schema)
        model.score(rows)
        assert rows.equals(kept)

    def test_memory_is_told(self, model: LoadedModel, package: Package) -> None:
        """Law 7: at least the bytes of the files that are scored with are reckoned."""
        files = {step.file for step in package.manifest.steps}
        assert model.nbytes >= sum(file.bytes for file in package.manifest.files if file.name in files)
