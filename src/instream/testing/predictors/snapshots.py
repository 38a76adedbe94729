"""One snapshot for each call, whatever happens to the head meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa

from instream.predictor import Prediction
from instream.stores import Store
from instream.testing.models import linear_package, xs
from instream.testing.predictors.fixtures import PredictorFixtures, Start, follows, promoted, until, versions_of, y_of

_SWAPS = 40


class SnapshotLaws(PredictorFixtures):
    """Laws 3 and 5."""

    def test_each_row_is_scored_by_exactly_one_version(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 3: under a storm of swaps each answer is that of the version on its stamp, which is that of its head."""
        weights = [float(version) for version in (1, 2, 3)]  # a version's weight is its number
        versions = [store.put(linear_package(tmp_path, weight)) for weight in weights]
        predictor = start()
        seen: list[tuple[np.ndarray, Prediction]] = []
        ended = threading.Event()

        def call(seed: int) -> None:
            random = np.random.default_rng(seed)
            while not ended.is_set():
                x = random.random(int(random.integers(1, 5_000)))
                seen.append((x, predictor.predict(pa.RecordBatch.from_pydict({"x": x}))))

        callers = [threading.Thread(target=call, args=(seed,), daemon=True) for seed in range(2)]
        for caller in callers:
            caller.start()
        champions = {1: versions[0]}
        random = Random(7)
        for _ in range(_SWAPS):
            head = promoted(store, random.choice(versions))
            champions[head.revision] = head.champion
            until(follows(predictor, head), f"head {head.revision}")
        ended.set()
        for caller in callers:
            caller.join(60)
        heads = set()
        for x, prediction in seen:
            (version,) = versions_of(prediction)
            assert champions[prediction.head] == version
            assert np.array_equal(np.asarray(prediction.outputs.column("y")), x * version)
            heads.add(prediction.head)
        assert len(heads) > _SWAPS / 4, "the storm was not seen by the callers"

    def test_a_rollback_is_a_new_revision(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 5: going back is going forward: the old version under a newer head."""
        first, second = store.put(linear_package(tmp_path, 2.0)), store.put(linear_package(tmp_path, 3.0))
        predictor = start()
        until(follows(predictor, promoted(store, second)), "the second version")
        assert y_of(predictor.predict(xs(1))) == [3.0]
        until(follows(predictor, promoted(store, first)), "the first version again")
        prediction = predictor.predict(xs(1))
        assert (y_of(prediction), prediction.head, versions_of(prediction)) == ([2.0], 3, {first})

    def test_reports_show_the_revision_in_use(self, start: Start, store: Store, tmp_path: Path) -> None:
        """Law 3: each worker's report names its head, so that a promotion can be waited for."""
        store.put(linear_package(tmp_path, 2.0))
        second = store.put(linear_package(tmp_path, 3.0))
        predictor = start()
        head = promoted(store, second)
        until(lambda: [report.revision for report in store.reports("delay")] == [head.revision], "the report")
        (report,) = store.reports("delay")
        assert (report.pipeline, report.versions, report.pinned, report.reason) == ("laws", (second,), False, "")
        predictor.close()
        assert store.reports("delay") == ()
