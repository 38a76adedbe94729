"""Settings to one worker: store, predictor, pipeline, source, sinks, loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from instream.connectors import format_of, member_of
from instream.deploy.ends import ends_of
from instream.deploy.work import Run
from instream.engines.workers.batch import Batch, ranges_of
from instream.engines.workers.counting import Counting
from instream.engines.workers.judge import Judge
from instream.engines.workers.loop import Loop
from instream.engines.workers.pace import Pace
from instream.engines.workers.scoring import Scoring
from instream.features import FeatureStep, from_reference
from instream.observe import metrics
from instream.pipeline import pipeline_of
from instream.predictor import Predictor
from instream.process.blackbox import Flight, Recorder
from instream.process.messages import Report, Start
from instream.secrets import resolve
from instream.settings import Pipeline
from instream.stores import open_store
from instream.strategies import local, remote
from instream.strategies.local import PUBLISHED


class Worker:
    """One worker of a pipeline, ready to run."""

    def __init__(self, name: str, loop: Loop, scoring: Scoring, predictor: Predictor) -> None:
        self._name = name
        self._loop = loop
        self._scoring = scoring
        self._predictor = predictor
        self._held = metrics.HELD.labels(name)
        self._lag = metrics.LAG_RECORDS.labels(name)

    def run(self) -> str:
        """Until it ends; why, in words."""
        ended = self._loop.run()
        self._loop.close()
        self._predictor.close()
        return str(ended)

    def drain(self, within_s: float | None = None) -> None:
        self._loop.drain(within_s)

    def report(self) -> Report:
        """How it is now; also sets the gauges that only change over time."""
        now, counting, lag = self._predictor.ready(), self._loop.counting, self._loop.lag
        self._held.set(float(self._loop.held))
        self._lag.set(lag.behind or 0)
        return Report(
            ready=now.ready,
            records_in=counting.records_in,
            records_out=counting.records_out,
            dead_letters=counting.dead_letters,
            filtered=counting.filtered,
            behind=lag.behind,
            before=lag.before,
            waiting_for=self._scoring.waiting_for or ("a batch takes long; the source is held meanwhile" if self._loop.held else ""),
            head=now.head,
            versions=now.versions,
            refused=now.refused,
        )


def worker_of(settings: Pipeline, run: Run, start: Start) -> Worker:
    """Load the model, connect, and be ready to run.

    Raises:
        InstreamError: something of the set-up cannot be used; says what and where.
    """
    assert settings.source is not None
    assert settings.sink is not None
    features = local_features(settings)
    predictor = predictor_of(settings, member_of(settings.name, start.slot), features)
    formats = format_of(settings.source.url, settings.folder), format_of(settings.sink.url, settings.folder)
    pipeline = pipeline_of(settings, predictor, features, *formats)
    counting = Counting(settings.name)
    ends = ends_of(settings, run, start.slot, counting)
    scoring = Scoring(pipeline, ends.letters)
    pace = pace_of(settings, run, predictor)
    has_place = settings.dead_letter.url is not None or run.is_trial(settings)
    judge = Judge(settings.dead_letter.max_fraction) if has_place else None
    watch = watch_of(settings.model.name, predictor, Recorder(Path(start.blackbox)))
    loop = Loop(ends.source, scoring, ends.delivery, judge, counting, pace, watch=watch)
    return Worker(settings.name, loop, scoring, predictor)


def predictor_of(settings: Pipeline, worker: str, features: FeatureStep | None, *, stepped: bool = False) -> Predictor:
    """By the strategy that the file names; `stepped`: see `strategies.local`."""

    def here() -> Predictor:
        store = open_store(resolve(settings.model.store, settings.folder), folder=settings.folder, create=False)
        return local(settings, store, worker=worker, local_features=features, stepped=stepped)

    return remote(settings, here) if settings.strategy.kind == "remote" else here()


def pace_of(settings: Pipeline, run: Run, predictor: Predictor) -> Pace:
    """Half of `limits.bytes` is for batches: those being scored and one being written."""
    calls = max(settings.engine.threads, predictor.inflight)
    return Pace(
        rows=settings.limits.rows,
        nbytes=int(settings.limits.bytes) // (2 * (calls + 1)),
        calls=calls,
        hold_s=settings.limits.hold_ms / 1000,
        grace_s=settings.engine.grace_s,
        limit=run.limit,
    )


def watch_of(model: str, predictor: Predictor, recorder: Recorder) -> Callable[[Sequence[Batch]], None]:
    """Notes what is being scored, and by what, for whoever must explain a crash."""

    def watch(batches: Sequence[Batch]) -> None:
        now = predictor.ready()
        recorder.note(Flight(model, now.head, now.versions, ranges_of(batches)))

    return watch


def local_features(settings: Pipeline) -> FeatureStep | None:
    """The pipeline's own feature step, if it has one."""
    function = settings.features.function
    return from_reference(function, settings.folder) if function not in (None, PUBLISHED) else None
