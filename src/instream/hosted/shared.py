"""The pipelines of this process, by job: each is loaded once, whoever asks."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator

from instream.hosted.exposed import expose_process
from instream.hosted.hosted import Hosted
from instream.hosted.job import Job
from instream.observe import logs

IDLE_MAX = 2
"""Pipelines that are kept though no task uses them: the next task, or the next replay, finds them loaded."""


class _Place:
    def __init__(self) -> None:
        self.loading = threading.Lock()
        self.hosted: Hosted | None = None
        self.users = 0


_places: OrderedDict[Job, _Place] = OrderedDict()  # bounded by the tasks of this process, and IDLE_MAX
_guard = threading.Lock()
_log = logs.get("hosted")
_exposed = threading.Event()


@contextlib.contextmanager
def hosted(job: Job) -> Iterator[Hosted]:
    """The pipeline of a job, for as long as the block lasts; loaded when it is not there yet. Raises what `Hosted` raises."""
    with _guard:
        place = _places.setdefault(job, _Place())
        _places.move_to_end(job)
        place.users += 1
    try:
        with place.loading:
            if place.hosted is None:
                place.hosted = Hosted(job)
                _expose(job)
        yield place.hosted
    finally:
        with _guard:
            place.users -= 1
            old = [each for each, there in _places.items() if not there.users][:-IDLE_MAX]
            gone = [_places.pop(each).hosted for each in old]
        for each in gone:
            if each is not None:
                each.close()


def _expose(job: Job) -> None:
    """Once in a process, for the pipeline that came first: its figures are the process's."""
    if not _exposed.is_set() and (address := expose_process(job.pipeline())):
        _exposed.set()
        _log.info("metrics", address=address, pipeline=job.pipeline().name)
