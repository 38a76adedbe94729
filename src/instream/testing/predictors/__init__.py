"""The laws of a predictor: `class TestMine(PredictorLaws)` with a fixture `connect`."""

from instream.testing.predictors.laws import PredictorLaws

__all__ = ["PredictorLaws"]
