"""The laws of a pipeline, whatever its format: `class TestMine(PipelineLaws)` with fixtures `pipeline` and `records`."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from instream.errors import Closed, Unavailable
from instream.failures import Code
from instream.pipeline import Pipeline
from instream.predictor import Call
from instream.records import Outcome
from instream.rows import ArrowRows
from instream.testing.codecs import some
from instream.testing.linear import LinearPredictor, records_of


def fates(outcome: Outcome, start: int = 0) -> dict[int, Any]:
    """What became of each record: its output, its failure, or that it was filtered; and its stamps."""
    found: dict[int, Any] = {start + row: value for row, value in enumerate(outcome.values) if value is not None}
    failures = outcome.failures
    for row, code, message in zip(failures.rows.tolist(), failures.codes, failures.messages, strict=True):
        assert found.setdefault(start + row, told := (code, message)) is told, f"record {row} has two fates"
    for row in outcome.filtered.tolist():
        assert found.setdefault(start + row, "filtered") == "filtered", f"record {row} has two fates"
    return {row: (fate, outcome.stamps.slice(row - start, 1).to_pylist()[0]) for row, fate in found.items()}


class PipelineLaws:
    """A subclass supplies a pipeline whose predictor is a `LinearPredictor`, and records of every kind for it."""

    @pytest.fixture
    def predictor(self) -> LinearPredictor:
        return LinearPredictor()

    @pytest.fixture
    def pipeline(self, predictor: LinearPredictor) -> Pipeline:
        raise NotImplementedError

    @pytest.fixture
    def values(self) -> Sequence[bytes | None]:
        """At least 300 records: good ones, ones that decoding, features and the predictor refuse, and filtered ones."""
        raise NotImplementedError

    def test_each_record_has_one_fate(self, pipeline: Pipeline, values: Sequence[bytes | None]) -> None:
        """Law 1: each record ends as exactly one output, one failure, or one counted filtering; in order."""
        outcome = pipeline.process(records_of(values))
        assert len(outcome.values) == outcome.stamps.num_rows == len(values)
        assert sorted(fates(outcome)) == list(range(len(values)))
        assert (np.diff(outcome.failures.rows) > 0).all()
        assert (np.diff(outcome.filtered) > 0).all()
        assert len(outcome.failures)
        assert len(outcome.filtered)
        assert any(outcome.values)

    def test_a_record_has_the_stamp_of_the_version_that_scored_it(self, pipeline: Pipeline, values: Sequence[bytes | None]) -> None:
        """Law 3: outputs are stamped, records that reached no version are not, and the outcome tells the head."""
        outcome = pipeline.process(records_of(values))
        versions = outcome.stamps.column("version").to_pylist()
        assert all(version == 3 for version, value in zip(versions, outcome.values, strict=True) if value is not None)
        unscored = [row for row, code in zip(outcome.failures.rows, outcome.failures.codes, strict=True) if code != Code.SCORE]
        assert unscored
        assert all(versions[row] is None for row in unscored)
        assert outcome.head == 41

    @pytest.mark.parametrize("seed", range(5))
    def test_any_cut_gives_the_same(self, pipeline: Pipeline, values: Sequence[bytes | None], seed: int) -> None:
        """Law 2: a batch and its parts have the same outcome, wherever it is cut."""
        chance = random.Random(seed)
        cuts = [0, *sorted(chance.sample(range(1, len(values)), chance.randint(1, 20))), len(values)]
        parts: dict[int, Any] = {}
        for start, end in itertools.pairwise(cuts):
            parts |= fates(pipeline.process(records_of(some(values, range(start, end)), start)), start)
        assert parts == fates(pipeline.process(records_of(values)))

    def test_no_neighbour_changes_a_record(self, pipeline: Pipeline, values: Sequence[bytes | None]) -> None:
        """Law 10: each record, whatever stands beside it, has the fate that it has alone."""
        whole = fates(pipeline.process(records_of(values)))
        alone = {row: fates(pipeline.process(records_of(some(values, [row]), row)), row)[row] for row in range(len(values))}
        assert whole == alone

    def test_threads_do_not_mix(self, pipeline: Pipeline, values: Sequence[bytes | None]) -> None:
        """Law 2: batches processed at the same time, the very first ones too, have the outcomes that they have one by one."""
        starts = list(range(0, len(values), 50)) * 3

        def process(start: int) -> dict[int, Any]:
            rows = range(start, min(start + 50, len(values)))
            return fates(pipeline.process(records_of(some(values, rows), start)), start)

        with ThreadPoolExecutor(4) as pool:
            at_once = list(pool.map(process, starts))
        assert at_once == [process(start) for start in starts]

    def test_an_empty_batch_and_one_of_bad_records_only(
        self, pipeline: Pipeline, predictor: LinearPredictor, values: Sequence[bytes | None]
    ) -> None:
        """Law 1 at its ends: no record, no fate; no good record, no call of the predictor; and a sink gets what it always gets."""
        outcome = pipeline.process(records_of(values))
        codes = dict(zip(outcome.failures.rows.tolist(), outcome.failures.codes, strict=True))
        undecoded = [row for row, code in codes.items() if code != Code.SCORE]
        for rows in ([], undecoded, list(codes), outcome.filtered.tolist()):
            few = pipeline.process(records_of(some(values, rows)))
            assert (len(few.values), len(few.failures) + len(few.filtered)) == (len(rows), len(rows))
            assert type(few.values) is type(outcome.values)
            assert few.stamps.schema == outcome.stamps.schema
            if isinstance(few.values, ArrowRows) and isinstance(outcome.values, ArrowRows):
                assert few.values.batch.schema == outcome.values.batch.schema
        calls = len(predictor.batches)
        assert pipeline.process(records_of(some(values, undecoded))).head == 0
        assert len(predictor.batches) == calls

    @pytest.mark.parametrize("error", [Unavailable("away", 0.5), Closed("closed")])
    def test_an_outage_settles_nothing(
        self, pipeline: Pipeline, predictor: LinearPredictor, values: Sequence[bytes | None], error: Exception
    ) -> None:
        """Law 10: an outage of the predictor reaches the engine, and no record becomes a dead letter for it."""
        predictor.error = error
        with pytest.raises(type(error)) as raised:
            pipeline.process(records_of(values))
        assert raised.value is error

    def test_the_call_goes_along_with_its_rows(
        self, pipeline: Pipeline, predictor: LinearPredictor, values: Sequence[bytes | None]
    ) -> None:
        """Law 3: what routes a row is still beside that row when the bad ones are gone."""
        records = records_of(values)
        ids = pa.array([records.source_id(row) for row in range(len(values))])
        pin = pa.array(np.arange(len(values)))
        outcome = pipeline.process(records, Call(ids=ids, pin=pin))
        _, call = predictor.batches[-1]
        reached = [row for row, version in enumerate(outcome.stamps.column("version").to_pylist()) if version is not None]
        assert pa.array(call.ids).to_pylist() == [records.source_id(row) for row in reached]
        assert pa.array(call.pin).to_pylist() == reached
        pipeline.process(records)
        assert predictor.batches[-1][1].ids is None
