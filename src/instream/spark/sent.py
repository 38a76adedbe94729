"""What goes to the machines of a cluster: settings, and the files beside the pipeline file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyspark import SparkFiles

from instream.hosted import Job
from instream.settings import Pipeline

_OF_THIS_MACHINE = ("sqlite:///", "file:///")


@dataclass(frozen=True, slots=True)
class Sent:
    """A job, and where its folder is: None for the place that the settings say, else an archive that Spark unpacks."""

    job: Job
    archive: str | None = None

    def here(self) -> Job:
        """The job in the process that asks."""
        return self.job if self.archive is None else self.job.moved(Path(SparkFiles.get(self.archive)))


def with_store_in_place(settings: Pipeline) -> Pipeline:
    """A store that is a file stays where it is: with a copy of it, nobody would see a promotion."""
    for scheme in _OF_THIS_MACHINE:
        rest = settings.model.store.removeprefix(scheme)
        if rest != settings.model.store and not rest.startswith("/"):
            there = f"{scheme}{settings.folder.absolute()}/{rest}"
            return settings.model_copy(update={"model": settings.model.model_copy(update={"store": there})})
    return settings
