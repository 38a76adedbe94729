"""Options that several commands share: one text, one default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instream.stores import Store, open_store
from instream.stores.default import DEFAULT, VARIABLE, store_url

StoreOption = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help=f"Where packages and heads are kept. \\[default: the variable {VARIABLE}, else {DEFAULT}]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON to standard output instead of tables and sentences.")]


def store_of(given: str | None, create: bool = False) -> Store:
    """Open the store that a command was told to use; a relative path starts here. Only who publishes makes one."""
    return open_store(store_url(given), folder=Path(), create=create)
