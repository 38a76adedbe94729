"""What a worker process is given to do: the settings, and what this run was asked besides."""

from __future__ import annotations

from typing import Literal

import msgspec

from instream.settings import Pipeline

STANDARD = "-"
"""As a URL: standard input or output."""


class Run(msgspec.Struct, frozen=True):
    """What the command line says and no file.

    Attributes:
        start: earliest, latest or a time, in the place of `source.start`; None leaves that.
        until: "end" stops at the end that the source had when the run began.
        limit: records to take; None takes all.
    """

    start: str | None = None
    until: Literal["end"] | None = None
    limit: int | None = None

    def is_trial(self, settings: Pipeline) -> bool:
        """`--limit N` with outputs to the terminal: a look without harm, nothing is committed or written elsewhere."""
        return self.limit is not None and settings.sink is not None and settings.sink.url == STANDARD


class Work(msgspec.Struct, frozen=True):
    """Sent to a worker process as JSON; references to secrets are still references."""

    settings: msgspec.Raw
    run: Run

    def pipeline(self) -> Pipeline:
        return Pipeline.model_validate_json(bytes(self.settings))


def work_of(settings: Pipeline, run: Run) -> bytes:
    return msgspec.json.encode(Work(msgspec.Raw(settings.model_dump_json().encode()), run))
