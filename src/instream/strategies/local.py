"""The model runs inside the pipeline's own workers: one for all records, or a light one for each key, kept by the store."""

from __future__ import annotations

import pyarrow as pa

from instream import settings
from instream.features import FeatureStep
from instream.keyed import KeyedLimits
from instream.live import Available, Limits, LivePredictor
from instream.live.serving import FeatureChoice
from instream.predictor import Predictor
from instream.settings import FieldAt
from instream.signature import type_from
from instream.stores import Store

_KEYED = {"embedded": False, "database": True}
"""Which packages a strategy takes; where a server scores, and here only its stand-in, both."""

PUBLISHED = "package"
"""`features.function` that runs, and so trusts, the step published with each version."""


def local(
    pipeline: settings.Pipeline, store: Store, *, worker: str, local_features: FeatureStep | None, stepped: bool = False
) -> Predictor:
    """A predictor for one worker of a pipeline; returns once a version serves.

    Args:
        worker: names this process in reports, unique within the pipeline.
        local_features: the step that the pipeline runs itself, before `predict`.
        stepped: parameters of keys move on by `Call.as_of` alone.
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
        keyed=_KEYED.get(pipeline.strategy.kind),
        limits=Limits(int(pipeline.limits.memory), pipeline.strategy.load_s, pipeline.strategy.golden_s, _keyed(pipeline.limits, stepped)),
        poll_s=pipeline.strategy.poll_ms / 1000,
        inflight=pipeline.engine.threads,
    )


def _keyed(limits: settings.Limits, stepped: bool) -> KeyedLimits:
    max_age_ms = None if limits.max_age_s is None else int(limits.max_age_s * 1000)
    return KeyedLimits(int(limits.cache), max_age_ms, limits.past_max_age == "hold", stepped)


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
