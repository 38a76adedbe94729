"""Options that several commands share: one text, one default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instream.stores import Store, open_for_publishing, open_store
from instream.stores.default import DEFAULT, VARIABLE, store_url

StoreOption = Annotated[
    str | None,
    typer.Option("--store", metavar="URL", help=f"Where packages and heads are kept. \\[default: the variable {VARIABLE}, else {DEFAULT}]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON to standard output instead of tables and sentences.")]


def store_of(given: str | None) -> Store:
    """Open the store that a command was told to use; a relative path starts here. What only reads makes none."""
    return open_store(store_url(given), folder=Path(), create=False)


def published_to(given: str | None) -> Store:
    """The same for what publishes, which makes a file or a folder where it is absent."""
    return open_for_publishing(store_url(given), folder=Path())
