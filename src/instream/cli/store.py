"""`instream store init|copy|stats`: a store as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from instream.cli import tables
from instream.cli.models import user
from instream.cli.options import JsonOption, store_of
from instream.cli.progress import counted
from instream.errors import SettingsInvalid
from instream.secrets import redact_url
from instream.stores import open_for_publishing, open_store
from instream.stores.copying import Copied, copy_model
from instream.stores.default import DEFAULT, VARIABLE
from instream.stores.registry import schema_of
from instream.stores.statistics import Statistics, statistics

Url = Annotated[str, typer.Argument(metavar="URL", help="Such as sqlite:///models.db, file:///models or postgresql://user@host/database.")]
From = Annotated[str, typer.Argument(metavar="FROM", help="The URL of the store that is read; nothing in it is changed.")]
To = Annotated[str, typer.Argument(metavar="TO", help="The URL of the store that is written; a file or folder is made where it is absent.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True)
    group.command("init")(init)
    group.command("copy")(copy)
    group.command("stats")(stats)
    app.add_typer(group, name="store", help="A store as a whole: make it, copy models to another one, see how much it keeps.")


def init(url: Url, json: JsonOption = False) -> None:
    """Make a store, its tables or folders, and say what it is. One that is there stays as it is, or is brought to this schema.

    Who publishes makes a file or a folder as well. The tables of a database are made, and brought up to date, by this command
    alone, as a user who may do that; all others need few rights.
    """
    opened = open_store(url, folder=Path())
    models, schema = len(opened.names()), schema_of(url)
    if json:
        _print_json({"store": redact_url(url), "schema": schema, "models": models})
    else:
        typer.echo(f"{redact_url(url)} is a model store, {'schema ' + schema if schema else 'in memory'}; models: {models:,}")


def copy(
    source: From,
    target: To,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Models to copy. \\[default: all]")] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Copy all kept revisions of keys that do not have the newest there yet.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Copy models to another store: versions under their numbers, the champion, and the parameters of their keys.

    Every package is compared with its digest once it is there. Do it again to copy what is new meanwhile: what is there is
    not written twice. Keys get new revisions, by the clock of the new store; parameters that somebody else wrote there
    are replaced. Labels, notes and earlier heads stay behind. Status 1, and nothing of a model copied, where the target
    has another package under one of its numbers.
    """
    if source == target:
        raise SettingsInvalid(f"{redact_url(source)} is both: name another store to copy to")
    reading, writing = open_store(source, folder=Path(), create=False), open_for_publishing(target)
    for name in names or reading.names():
        with counted("keys") as told:
            done = copy_model(reading, writing, name, by=user(), history=history, told=told)
        if json:
            _print_json(done)
        else:
            _tell(done)


def stats(
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help=f"\\[default: the variable {VARIABLE}, else {DEFAULT}]")] = None,
    json: JsonOption = False,
) -> None:
    """Show how much a store keeps: versions, bytes, keys and their parameters, live workers. Reads all parameters in force."""
    opened = store_of(url)
    found = [statistics(opened, name) for name in opened.names()]
    if json:
        _print_json(found)
    else:
        columns = ("MODEL", "VERSIONS", "CHAMPION", "HEAD", "BYTES", "KEYS", "PARAMETER_BYTES", "WORKERS")
        tables.show(columns, [_row(each) for each in found])


def _row(model: Statistics) -> tuple[str, ...]:
    keys, parameters = sum(each.keys for each in model.keyed), sum(each.bytes for each in model.keyed)
    champion, head = str(model.champion or ""), str(model.head or "")
    of_keys = (str(keys), str(parameters)) if model.keyed else ("", "")
    return model.name, str(model.versions), champion, head, str(model.bytes), *of_keys, str(model.workers)


def _tell(done: Copied) -> None:
    champion = f", champion {done.champion}" if done.champion else ""
    keys = f"; {done.keys:,} keys, {done.written:,} of them written" if done.keys else ""
    typer.echo(f"{done.name}: versions {', '.join(map(str, done.versions))} are there{champion}{keys}")


def _print_json(found: object) -> None:
    typer.echo(msgspec.json.encode(found))
