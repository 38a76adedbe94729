"""The engines that are optional: imported when somebody asks for one."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Literal, Protocol

from instream.deploy import Run
from instream.errors import MissingExtra
from instream.settings import Pipeline

Say = Callable[[str], None]


class EngineModule(Protocol):
    """What `instream.flink` and `instream.spark` have for commands."""

    def run(self, settings: Pipeline, run: Run, say: Say) -> None:
        """Run a pipeline here until its source ends or somebody ends it. Raises InstreamError."""
        ...

    def submit(self, settings: Pipeline, run: Run, cluster: str, say: Say) -> None:
        """Give a pipeline to a cluster, and return when it runs there. Raises InstreamError."""
        ...


def engine_of(kind: Literal["flink", "spark"]) -> EngineModule:
    """Raises MissingExtra."""
    if find_spec(f"py{kind}") is None:
        raise MissingExtra(f"--engine {kind}", kind)
    module: EngineModule = import_module(f"instream.{kind}")
    return module
