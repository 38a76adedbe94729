"""The embedded strategy keeps the laws of a predictor."""

from itertools import count

import pytest

from instream.strategies import local
from instream.testing.predictors import PredictorLaws
from instream.testing.predictors.fixtures import Connect


class TestEmbedded(PredictorLaws):
    @pytest.fixture
    def connect(self) -> Connect:
        workers = count()
        return lambda pipeline, store: local(pipeline, store, worker=f"w{next(workers)}", local_features=None)
