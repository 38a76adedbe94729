"""`instream run`: a pipeline under its supervisor, until it is told to end."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from instream.cli.engines import engine_of
from instream.cli.run_status import shown
from instream.cli.supervised import ending, leave, until_told
from instream.deploy import Run, supervision
from instream.process.exits import MEANINGS
from instream.settings import load

_STATUSES = "  ".join(f"{status.value}: {meaning}." for status, meaning in MEANINGS.items())


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run", epilog=f"Exit statuses.  {_STATUSES}")(run)


def run(
    file: Annotated[Path, typer.Argument(metavar="PIPELINE.toml", help="The pipeline file; `instream init` writes one.")],
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Processes; those beyond the partitions idle. \\[default: engine.workers, else 1]"),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="earliest|latest|TIME",
            help="Begin there, whatever was committed before. \\[default: what was committed, else source.start]",
        ),
    ] = None,
    until: Annotated[
        Literal["end"] | None, typer.Option(metavar="end", help="Stop at the end that the source has when the run begins.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Stop after so many records. With --set sink.url=- nothing is committed or written elsewhere."),
    ] = None,
    engine: Annotated[
        Literal["workers", "flink", "spark"] | None,
        typer.Option(help="What runs the loop; flink and spark start on this machine. \\[default: engine.kind, else workers]"),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting of the file for this run; may be repeated."),
    ] = None,
) -> None:
    """Run a pipeline until it is told to end (Ctrl-C or SIGTERM), its source ends, or something must be decided by a person."""
    chosen = [f"engine.workers={workers}"] if workers is not None else []
    chosen += [f"engine.kind={engine}"] if engine is not None else []
    settings = load(file, [*(overrides or ()), *chosen])
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    if settings.engine.kind != "workers":
        with ending(console):
            engine_of(settings.engine.kind).run(settings, Run(start, until, limit), partial(console.print, markup=False))
        return
    with shown(console, settings.name) as screen, supervision(settings, Run(start, until, limit), stderr=screen.stderr) as supervised:
        for note in supervised.notes:
            screen.say(note)
        finished = until_told(supervised.supervisor, screen.update)
    leave(console, finished)
