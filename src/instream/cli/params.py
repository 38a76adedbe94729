"""`instream params …`: the parameters of the keys of a keyed model."""

from __future__ import annotations

import typer

from instream.cli.params_change import put, remove, rollback
from instream.cli.params_show import get, history, list_keys

_HELP = "Parameters of the keys of a keyed model: look at them, replace them, put earlier ones in force. What serves them follows."


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True)
    group.command("list")(list_keys)
    group.command("get")(get)
    group.command("history")(history)
    group.command("put")(put)
    group.command("remove")(remove)
    group.command("rollback")(rollback)
    app.add_typer(group, name="params", help=_HELP)
