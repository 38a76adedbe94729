"""`instream engine`: what Flink and Spark need besides Python packages."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from instream.cli.engines import engine_of
from instream.deploy import Run
from instream.engines.kafka_jars import NEEDED, Engine, fetch, take
from instream.settings import load

_app = typer.Typer(help="Flink and Spark: what they need, and jobs for their clusters.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_app, name="engine")


@_app.command("setup")
def setup(
    engine: Annotated[Engine, typer.Argument(help="flink or spark.")],
    jars: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy them from here; by default Maven fetches them.")] = None,
) -> None:
    """Get the jars by which an engine speaks to Kafka, once; they are kept in ~/.cache/instream."""
    folder = fetch(engine) if jars is None else take(engine, jars)
    print(f"{folder}: {', '.join(NEEDED[engine].jars)}")


@_app.command("submit")
def submit(
    engine: Annotated[Engine, typer.Argument(help="flink or spark.")],
    file: Annotated[Path, typer.Argument(metavar="PIPELINE.toml", help="The pipeline file.")],
    cluster: Annotated[
        str, typer.Option(metavar="URL", help="Flink: http://host:8081 of a session cluster. Spark: spark://host:7077 of a standalone one.")
    ],
    start: Annotated[
        str | None, typer.Option("--from", metavar="earliest|latest|TIME", help="Begin there, whatever a checkpoint says.")
    ] = None,
    until: Annotated[
        Literal["end"] | None, typer.Option(metavar="end", help="Stop at the end that the source has when the job begins.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting of the file; may be repeated.")
    ] = None,
) -> None:
    """Run a pipeline on a cluster. What its workers need of the pipeline's folder is sent; their versions are compared first."""
    settings = load(file, [*(overrides or ()), f"engine.kind={engine}"])
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    engine_of(engine).submit(settings, Run(start, until), cluster, partial(console.print, markup=False))
