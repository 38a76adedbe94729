"""`instream models`, `promote`, `rollback`: what a store has, and which version is in force."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from instream.cli import tables
from instream.cli.options import JsonOption, StoreOption, store_of
from instream.head import Head
from instream.report import Report
from instream.stores import Adoption, Overview, Store, adopted_within, overview, promote, resolve, rollback
from instream.stores.overview import Line

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the model.")]


def register(app: typer.Typer) -> None:
    app.command("models")(models)
    app.command("promote")(promote_version)
    app.command("rollback")(rollback_champion)


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One model, with versions and workers. [default: all models]")
    ] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show the models of a store: versions, which one is in force, and what each worker makes of it."""
    opened = store_of(store)
    found = [overview(opened, each) for each in ([name] if name else opened.names())]
    if json:
        _print_json(found[0] if name else found)
    elif name:
        _show_one(found[0])
    else:
        columns = ("MODEL", "CHAMPION", "HEAD", "VERSIONS", "WORKERS", "REFUSALS")
        tables.show(columns, [_row(each) for each in found])


def promote_version(
    name: Name,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A number, or a label of the head.")],
    wait: Annotated[bool, typer.Option("--wait", help="Return when every live worker has adopted it; 1 when one refuses.")] = False,
    timeout: Annotated[float, typer.Option(min=0, max=3600, metavar="S", help="Longest --wait, seconds, 0 to 3600.")] = 60.0,
    note: Annotated[str, typer.Option(metavar="TEXT", help="Kept with the head, for people.")] = "",
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Make a version the champion. Running pipelines move to it by themselves, each after its own checks."""
    opened = store_of(store)
    _, number = resolve(opened, f"{name}@{version}")
    before = opened.head(name)
    head = promote(opened, name, number, by=user(), note=note)
    found = _waited(opened, head, timeout) if wait else None
    if json:
        _print_json({"head": head, "workers": found})
    else:
        _tell(head, before)
        _tell_workers(found, timeout)
    if found and (found.refused or found.waiting):
        raise typer.Exit(1)


def rollback_champion(name: Name, store: StoreOption = None, json: JsonOption = False) -> None:
    """Put the champion before this one in force again; the history is kept."""
    opened = store_of(store)
    before = opened.head(name)
    head = rollback(opened, name, by=user())
    if json:
        _print_json({"head": head})
    else:
        _tell(head, before)


def _waited(store: Store, head: Head, timeout_s: float) -> Adoption:
    with Console(stderr=True).status(f"{head.name}: waiting for the workers to adopt head {head.revision}"):
        return adopted_within(store, head, timeout_s)


def _print_json(found: object) -> None:
    typer.echo(msgspec.json.encode(found))


def _tell(head: Head, before: Head) -> None:
    if head.revision == before.revision:
        typer.echo(f"{head.name}@{head.champion} is the champion already (head {head.revision})")
    else:
        typer.echo(f"{head.name}@{head.champion} is the champion (head {head.revision}); it was {head.name}@{before.champion}")


def _tell_workers(found: Adoption | None, timeout_s: float) -> None:
    if found is None:
        return
    if not (found.adopted or found.refused or found.waiting):
        typer.echo("no live worker follows it; those that start later begin with it")
    if found.adopted:
        typer.echo(f"adopted by {len(found.adopted)}: {', '.join(map(_worker, found.adopted))}")
    for report in found.refused:
        typer.echo(f"refused by {_worker(report)}: {report.reason}", err=True)
    for report in found.waiting:
        now = f"it goes on with head {report.revision}" if report.revision else "it has no head yet"
        typer.echo(f"not yet adopted by {_worker(report)} after {timeout_s:g} s; {now}", err=True)


def _row(model: Overview) -> tuple[str, ...]:
    refusals = "; ".join(sorted({report.reason for report in model.workers if report.reason}))
    head = model.head
    champion, revision = (str(head.champion), str(head.revision)) if head else ("", "")
    return model.name, champion, revision, str(len(model.versions)), str(len(model.workers)), refusals


def _show_one(model: Overview) -> None:
    columns = ("VERSION", "NAMES", "DIGEST", "FORMATS", "BYTES", "PUBLISHED", "METRICS", "PROBLEM")
    tables.show(columns, [_version_row(line) for line in model.versions])
    typer.echo()
    if model.workers:
        tables.show(("PIPELINE", "WORKER", "HEAD", "VERSIONS", "STATE"), [_worker_row(each, model.head) for each in model.workers])
    else:
        typer.echo("no live worker")


def _version_row(line: Line) -> tuple[str, ...]:
    published = datetime.fromtimestamp(line.published_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    metrics = ",".join(f"{name}={figure:.4g}" for name, figure in line.metrics.items())
    names, formats = ",".join(line.names), "+".join(line.formats)
    return str(line.version), names, line.digest[:12], formats, f"{line.bytes}", published, metrics, line.problem


def _worker_row(report: Report, head: Head | None) -> tuple[str, ...]:
    versions = ",".join(map(str, report.versions))
    if report.pinned:
        return report.pipeline, report.worker, "", versions, "pinned"
    if report.refused > report.revision:
        state = f"refused head {report.refused}: {report.reason}"
    else:
        state = "in use" if head and report.revision >= head.revision else "on its way"
    return report.pipeline, report.worker, str(report.revision), versions, state


def _worker(report: Report) -> str:
    return f"{report.pipeline}/{report.worker}"


def user() -> str:
    """Who gives the command, for the history of heads."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "unknown"
