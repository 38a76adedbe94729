"""`instream score`: a file of rows through one version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instream.cli.options import StoreOption
from instream.scoring import load, score_file


def register(app: typer.Typer) -> None:
    app.command("score")(score)


def score(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="delay@champion, delay@3 or delay@label; delay alone is its champion.")],
    rows: Annotated[Path, typer.Argument(metavar="ROWS", help="A file of rows: .parquet, .csv or .jsonl.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where answers go: .parquet or .jsonl. \\[default: JSON lines to standard output]"),
    ] = None,
    echo: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="A column of ROWS to repeat beside the answers; many.")] = None,
    features: Annotated[
        str | None, typer.Option(metavar="package", help="Run, and so trust, the feature step that was published with the model.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Score rows that lie at hand: one answer a row, in order, with `version` and, where a row cannot be scored, `error`."""
    with load(model, store=store, features=features) as scorer:
        done = score_file(scorer, rows, out, tuple(echo or ()))
    failed = f"; {done.failed:,} not, the first in row {done.first_failed:,}: {done.first_error}" if done.failed else ""
    typer.echo(f"{done.rows - done.failed:,} rows scored by {scorer.name}@{scorer.version}{failed}", err=True)
