"""`instream check`: what can be validated without running."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from instream.check import Finding, Level
from instream.check import check as findings
from instream.cli.options import JsonOption

_MARKS = {Level.OK: ("ok     ", "green"), Level.WARNING: ("warning", "yellow"), Level.ERROR: ("error  ", "red")}


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    file: Annotated[Path, typer.Argument(metavar="PIPELINE.toml", help="The pipeline file; `instream init` writes one.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Check with a setting changed; may be repeated.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Validate everything that can be seen without running: file, secrets, ends, partitions, store, model, memory, real records.

    Nothing is written or committed. Each finding says its fix. Exit status 1 when there is an error; warnings alone give 0.
    """
    console, found = Console(soft_wrap=True, highlight=False), []
    for finding in findings(file, overrides or ()):
        found.append(finding)
        if not json:
            _show(console, finding)
    if json:
        typer.echo(msgspec.json.encode(found).decode())
    if any(finding.level is Level.ERROR for finding in found):
        raise typer.Exit(1)


def _show(console: Console, finding: Finding) -> None:
    mark, colour = _MARKS[finding.level]
    console.print(Text.assemble((mark, colour), "  ", (f"{finding.part}: ", "bold"), finding.found))
    if finding.fix:
        console.print(Text(f"         fix: {finding.fix}"))
