"""Settings to the ends of a worker: where records come from, where outputs and dead letters go, when they count as done."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import Literal

from instream.connectors import Source, carries_headers, keeps_positions, member_of, open_sink, open_source, open_transactional
from instream.connectors.opening import Existing
from instream.deploy.work import Run
from instream.engines.workers.at_least_once import AtLeastOnce
from instream.engines.workers.counting import Counting
from instream.engines.workers.delivery import Delivery
from instream.engines.workers.exactly_once import ExactlyOnce
from instream.engines.workers.scoring import Letters
from instream.engines.workers.trial import Trial
from instream.pipeline import letters
from instream.settings import Pipeline


@dataclass(frozen=True, slots=True)
class Ends:
    """What a loop is put between."""

    source: Source
    delivery: Delivery
    letters: Letters


def ends_of(settings: Pipeline, run: Run, slot: int, counting: Counting) -> Ends:
    """Open everything.

    Raises:
        SettingsInvalid, MissingExtra: something cannot be used as it is written.
        SourceFailed, SinkFailed: something is not there, or refuses us.
    """
    trial = run.is_trial(settings)
    source = _source(settings, run, slot)
    dead_url = settings.dead_letter.url
    headers = dead_url is not None and not trial and carries_headers(dead_url, settings.folder)
    form = partial(letters, pipeline=settings.name, form="headers" if headers else "envelope")
    if trial:
        return Ends(source, _trial(settings), form)
    return Ends(source, _delivery(settings, source, slot, counting), form)


def _source(settings: Pipeline, run: Run, slot: int) -> Source:
    """A trial joins no group and commits nothing; it begins at the beginning unless it is told otherwise."""
    assert settings.source is not None
    trial = run.is_trial(settings)
    start = run.start or ("earliest" if trial else settings.source.start)
    return open_source(
        settings.source.model_copy(update={"start": start}),
        group=None if trial else settings.name,
        member=member_of(settings.name, slot),
        folder=settings.folder,
        limits=settings.limits,
        until=run.until,
    )


def _trial(settings: Pipeline) -> Delivery:
    assert settings.sink is not None
    return Trial(open_sink(settings.sink, folder=settings.folder, limits=settings.limits), sys.stderr.buffer)


def _delivery(settings: Pipeline, source: Source, slot: int, counting: Counting) -> Delivery:
    assert settings.sink is not None
    folder, limits, interval_s = settings.folder, settings.limits, settings.delivery.interval_ms / 1000
    with_source: Literal["header", "none"] = "header" if settings.output.source_id else "none"
    if settings.delivery.mode == "exactly_once":
        outputs, dead_letters = open_transactional(
            settings.sink,
            settings.dead_letter,
            transactional_id=member_of(settings.name, slot),
            folder=folder,
            limits=limits,
            source_id=with_source,
        )
        return ExactlyOnce(source, outputs, dead_letters, counting, interval_s=interval_s, rows=10 * limits.rows)
    assert settings.source is not None
    existing: Existing = "append" if keeps_positions(settings.source.url, folder) else "replace"
    sink = open_sink(settings.sink, folder=folder, limits=limits, source_id=with_source, existing=existing)
    dead_letter = settings.dead_letter
    place = None if dead_letter.url is None else open_sink(dead_letter, folder=folder, limits=limits, existing=existing)
    return AtLeastOnce(source, sink, place, counting, interval_s=interval_s)
