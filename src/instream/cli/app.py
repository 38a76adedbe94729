"""The commands put together, and what a mistake of the user's looks like."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from instream.cli import check, dead_letters, engine, init, models, params, publish, publish_keyed, run, score, serve, store
from instream.errors import InstreamError
from instream.observe import logs

app = typer.Typer(
    help="A trained model in a live stream: no record lost, a new model without a restart.",
    epilog="Exit statuses: 0 done, 1 an error that the message explains, 2 wrong usage, 3 too many dead letters. See also the README.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (publish, publish_keyed, models, params, store, score, init, check, run, serve, dead_letters, engine):
    _command.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(version("instream"))
        raise typer.Exit


@app.callback()
def _options(_: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False) -> None:
    logs.configure("warning")  # what else a command has to say, it prints


def main() -> None:
    """Run a command. What instream raises on purpose becomes a message and exit status 1, without a traceback."""
    try:
        app()
    except InstreamError as error:
        _fail(type(error).__name__, str(error))
    except OSError as error:
        if error.filename is None:
            raise  # not about a file that somebody named
        _fail(str(error.filename), error.strerror or str(error))


def _fail(what: str, why: str) -> NoReturn:
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"[bold red]{escape(what)}:[/] {escape(why)}")
    sys.exit(1)
