"""The embedded strategy keeps the laws of a predictor."""

from itertools import count

import pytest

from instream.strategies import embedded
from instream.testing.predictors import PredictorLaws
from instream.testing.predictors.fixtures import Connect


class TestEmbedded(PredictorLaws):
    @pytest.fixture
    def connect(self) -> Connect:
        workers = count()
        return lambda pipeline, store: embedded(pipeline, store, worker=f"w{next(workers)}", local_features=None)
