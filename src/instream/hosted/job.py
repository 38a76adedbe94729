"""What an engine sends to its workers in the place of a pipeline: settings, never objects that hold a model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from instream.package import Version
from instream.settings import Pipeline

Form = Literal["json", "arrow"]


class Job(msgspec.Struct, frozen=True):
    """Small, hashable, and the same text for the same pipeline.

    Attributes:
        settings: of the pipeline, as JSON; references to secrets are still references.
        form: how records come and go: as JSON bytes, or as columns.
        letters: whether failures become dead letters, which have a place and a limit; else whoever asked gets them as columns.
        hold_s: how long a batch may wait for a predictor that is away before its task fails, and the engine tries again.
        stepped: parameters of keys (strategy `database`) are those of `Call.as_of`, which each batch says.
    """

    settings: str
    form: Form
    letters: bool
    hold_s: float
    stepped: bool = False

    def pipeline(self) -> Pipeline:
        return Pipeline.model_validate_json(self.settings)

    def at(self, version: Version) -> Job:
        """The same with one version of the model, which stays."""
        settings = self.pipeline()
        name = settings.model.name.partition("@")[0]
        return self._with(settings.model_copy(update={"model": settings.model.model_copy(update={"name": f"{name}@{version}"})}))

    def in_steps(self) -> Job:
        """The same where each batch says which parameters of keys it wants."""
        return msgspec.structs.replace(self, stepped=True)

    def moved(self, folder: Path) -> Job:
        """The same where the pipeline's folder lies elsewhere: on a cluster's worker, what `packing.pack` sent."""
        return self._with(self.pipeline().model_copy(update={"folder": folder.absolute()}))

    def _with(self, settings: Pipeline) -> Job:
        return msgspec.structs.replace(self, settings=settings.model_dump_json())


def job_of(settings: Pipeline, *, form: Form = "json", letters: bool = True, hold_s: float = 300.0) -> Job:
    return Job(settings.model_dump_json(), form, letters, hold_s)
