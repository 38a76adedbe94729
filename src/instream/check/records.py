"""Real records through the real pipeline; nothing is written or committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from instream import settings
from instream.check.finding import Finding, error, ok, warning
from instream.check.model import store_of
from instream.connectors import format_of
from instream.connectors.look import look
from instream.features import FeatureStep, from_reference
from instream.pipeline import Pipeline, pipeline_of
from instream.stores import resolve
from instream.strategies.local import PUBLISHED, local

_EXAMPLES = 3


def check_records(pipeline: settings.Pipeline) -> Iterator[Finding]:
    """Do the model, the feature step and the records of the source fit together?"""
    assert pipeline.source is not None
    assert pipeline.sink is not None
    store = store_of(pipeline)
    name, version = resolve(store, pipeline.model.name)
    pinned = pipeline.model_copy(update={"model": pipeline.model.model_copy(update={"name": f"{name}@{version}"})})
    features = _local_features(pipeline)
    predictor = local(pinned, store, worker="check", local_features=features)
    try:
        built = pipeline_of(
            pinned,
            predictor,
            features,
            format_of(pipeline.source.url, pipeline.folder),
            format_of(pipeline.sink.url, pipeline.folder),
        )
        yield ok("signature", f"{name}@{version} is loaded and proved here, and its inputs are among the fields")
        if pipeline.source.url == "-":
            yield ok("records", "standard input was not looked at")
        else:
            yield from _through(built, pipeline)
    finally:
        predictor.close()


def _local_features(pipeline: settings.Pipeline) -> FeatureStep | None:
    function = pipeline.features.function
    return from_reference(function, pipeline.folder) if function not in (None, PUBLISHED) else None


def _through(built: Pipeline, pipeline: settings.Pipeline) -> Iterator[Finding]:
    assert pipeline.source is not None
    seen = filtered = 0
    codes: Counter[str] = Counter()
    examples: list[str] = []
    for records in look(pipeline.source, folder=pipeline.folder, limits=pipeline.limits):
        outcome = built.process(records)
        seen, filtered = seen + len(records), filtered + len(outcome.filtered)
        codes.update(map(str, outcome.failures.codes))
        examples += outcome.failures.messages[: _EXAMPLES - len(examples)]
    failed = sum(codes.values())
    if not seen:
        yield warning("records", "the source has none yet, so nothing was tried", "check again once it has")
    elif not failed:
        yield ok("records", f"{seen:,} looked at: {seen - filtered:,} scored, {filtered:,} filtered")
    else:
        kinds = ", ".join(f"{count:,} {code}" for code, count in codes.most_common())
        found = f"{failed:,} of {seen:,} cannot be scored ({kinds}): {'; '.join(examples)}"
        fix = "set [source.fields], or clean them in a feature step; what is left becomes dead letters"
        yield (error if failed == seen else warning)("records", found, fix)
