"""`instream publish-keyed`: a light model for each key becomes one version in a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from instream.cli.options import JsonOption, StoreOption, published_to
from instream.cli.progress import counted
from instream.cli.publish import figure_of
from instream.package import Tolerance
from instream.publishing.keyed.pairs import estimator_of, pairs_of
from instream.publishing.keyed.publication import publish_keyed as publish_models


def register(app: typer.Typer) -> None:
    app.command("publish-keyed")(publish_keyed)


def publish_keyed(
    estimators: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION",
            help="Or FILE.py:FUNCTION. Called without arguments, which runs your code; gives a mapping or an iterator of (key, estimator).",
        ),
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the model; a new version is added to those that it has.")],
    key: Annotated[list[str], typer.Option("--key", metavar="COLUMN", help="A column of the key; once for each, in their order.")],
    default: Annotated[
        str | None, typer.Option(metavar="MODULE:FUNCTION", help="Gives the estimator that answers for keys that have none.")
    ] = None,
    sample: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rows like those to come, .parquet .csv or .jsonl: types, names and proof.")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(metavar="NAME=NUMBER", help="A figure to keep with the version; many.")] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=0.1, help="Largest error of an output, absolute and relative, on any row of the proof.")
    ] = 1e-5,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Put one light model for each key into a store as one version, each proved against its original; all or none.

    The function is your code and runs here, by its name. One estimator at a time is in memory where it is an iterator.
    The first version of a model becomes its champion; later ones wait for `instream promote`.
    """
    metrics = dict(figure_of(text) for text in metric or ())
    given, other = pairs_of(estimators), None if default is None else estimator_of(default)
    with counted("keys") as told:
        published = publish_models(
            given,
            name=name,
            key=key,
            default=other,
            sample=sample,
            store=published_to(store),
            metrics=metrics,
            tolerance=Tolerance(tolerance, tolerance),
            progress=lambda done, total, what: told(what, done),
        )
    if json:
        fields = {name: getattr(published, name) for name in ("name", "version", "digest", "keys", "worst_error")}
        typer.echo(msgspec.json.encode(fields).decode())
    else:
        typer.echo(f"{published}, digest {published.digest[:12]}")
