"""The model runs inside the pipeline's own workers."""

from __future__ import annotations

import pyarrow as pa

from instream import settings
from instream.features import FeatureStep
from instream.live import Available, Limits, LivePredictor
from instream.live.serving import FeatureChoice
from instream.predictor import Predictor
from instream.settings import FieldAt
from instream.signature import type_from
from instream.stores import Store

PUBLISHED = "package"
"""`features.function` that runs, and so trusts, the step published with each version."""


def embedded(pipeline: settings.Pipeline, store: Store, *, worker: str, local_features: FeatureStep | None) -> Predictor:
    """A predictor for one worker of a pipeline; returns once a version serves.

    Args:
        worker: names this process in reports, unique within the pipeline.
        local_features: the step that the pipeline runs itself, before `predict`.
    Raises:
        PackageRefused, NotFound, Unavailable: see LivePredictor.
    """
    return LivePredictor(
        store,
        pipeline.model.name,
        pipeline=pipeline.name,
        worker=worker,
        features=_choice(pipeline, local_features),
        available=_available(pipeline, local_features),
        limits=Limits(int(pipeline.limits.memory), pipeline.strategy.load_s, pipeline.strategy.golden_s),
        poll_s=pipeline.strategy.poll_ms / 1000,
        inflight=pipeline.engine.threads,
    )


def _choice(pipeline: settings.Pipeline, local_features: FeatureStep | None) -> FeatureChoice:
    return "package" if pipeline.features.function == PUBLISHED else local_features


def _available(pipeline: settings.Pipeline, local_features: FeatureStep | None) -> Available | None:
    """What a record has when it reaches the predictor; None where only the first version can tell."""
    if pipeline.source is None or not pipeline.source.fields:
        return None
    fields = {name: _type(at) for name, at in pipeline.source.fields.items()}
    if local_features is None:
        return fields
    if any(kind is None for kind in fields.values()):
        return None
    made = local_features.output_schema(pa.schema(list(fields.items())))
    return {field.name: field.type for field in made}


def _type(at: str | FieldAt) -> pa.DataType | None:
    return type_from(at.type) if isinstance(at, FieldAt) and at.type else None
