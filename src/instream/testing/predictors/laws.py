"""All laws of a predictor, together."""

from __future__ import annotations

from instream.testing.predictors.answers import AnswerLaws
from instream.testing.predictors.features import FeatureLaws
from instream.testing.predictors.following import FollowingLaws
from instream.testing.predictors.gaps import GapLaws
from instream.testing.predictors.refusals import RefusalLaws
from instream.testing.predictors.snapshots import SnapshotLaws


class PredictorLaws(AnswerLaws, SnapshotLaws, RefusalLaws, FollowingLaws, FeatureLaws, GapLaws):
    """What every strategy keeps; its test supplies only `connect`."""
