"""`instream init`: a first pipeline file, from what the records look like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instream.cli.options import StoreOption
from instream.drafting import Drafted, first_file, write_new
from instream.stores.default import store_url


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(
    model: Annotated[str, typer.Option(metavar="MODEL", help="delay follows the head, delay@3 stays with version 3.")],
    source: Annotated[str, typer.Option(metavar="URL", help="kafka://h1:9092/topic, a .jsonl, .jsonl.gz or .parquet file, or -.")],
    sink: Annotated[str, typer.Option(metavar="URL", help="Where outputs shall go: as a source; - is standard output.")] = "-",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Written unless it exists. \\[default: NAME.toml here]")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of the pipeline. \\[default: the model's]")] = None,
    store: StoreOption = None,
) -> None:
    """Look at 100 records of a source, find the model's inputs in them, and write a commented pipeline file that runs."""
    drafted = first_file(model, source, sink=sink, name=name, store=store_url(store))
    path = out or Path(f"{drafted.name}.toml")
    write_new(path, drafted.text)
    _tell(drafted, path)


def _tell(drafted: Drafted, path: Path) -> None:
    unreadable = f", {drafted.unreadable:,} of them no JSON objects" if drafted.unreadable else ""
    typer.echo(f"{drafted.records:,} records looked at{unreadable}")
    for found in drafted.fields:
        place = found.pointer or "in no record: correct it under [source.fields]"
        often = "" if found.present == 1 else f", {found.present:.0%} of the records have it"
        typer.echo(f"  {found.field.name} ({found.field.type}): {place}{often if found.pointer else ''}")
    typer.echo(f"{path} written. Next: instream check {path}, then instream run {path} --from earliest --limit 10 --set sink.url=-")
