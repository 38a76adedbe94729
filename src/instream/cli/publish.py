"""`instream publish`: a model file becomes a version in a store."""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import Annotated

import msgspec
import typer

from instream.cli.options import JsonOption, StoreOption, published_to
from instream.errors import SettingsInvalid
from instream.package import Tolerance
from instream.publishing import Published
from instream.publishing import publish as publish_model
from instream.publishing.files import PICKLE


def register(app: typer.Typer) -> None:
    app.command("publish")(publish)


def publish(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="scikit-learn .skops .joblib .pkl, LightGBM .txt, XGBoost .json .ubj, or .onnx.")
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the model; a new version is added to those that it has.")],
    sample: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rows like those to come, .parquet .csv or .jsonl: types and proof. An .onnx file needs none."),
    ] = None,
    features: Annotated[
        str | None, typer.Option(metavar="FILE.py:FUNCTION", help="A feature step that travels with the model; SAMPLE then has raw fields.")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(metavar="NAME=NUMBER", help="A figure to keep with the version; many.")] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=0.1, help="Largest error of an output, absolute and relative, on any row of the proof.")
    ] = 1e-5,
    trust: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="A type that a .skops file may load, such as mine.Clip; many.")
    ] = None,
    trust_pickle: Annotated[bool, typer.Option("--trust-pickle", help="Read .joblib and .pkl, which can run any code.")] = False,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Convert a model, prove that the conversion gives what the original gives, and put it into a store as a new version.

    The first version of a model becomes its champion; later ones wait for `instream promote`.
    """
    published = publish_model(
        model,
        name=name,
        sample=sample,
        store=published_to(store),
        features=features,
        metrics=dict(figure_of(text) for text in metric or ()),
        tolerance=Tolerance(tolerance, tolerance),
        trust=(*(trust or ()), *((PICKLE,) if trust_pickle else ())),
    )
    if json:
        typer.echo(msgspec.json.encode({"name": published.name, "version": published.version, "digest": published.digest}).decode())
    else:
        _tell(published)


def _tell(published: Published) -> None:
    for candidate in published.manifest.candidates:
        error = "" if candidate.worst_error is None else f"worst error {candidate.worst_error:.2g}"
        cost = f"{published.us_per_row:g} µs a row" if candidate.passed else ""
        outcome = "taken" if candidate.passed else shorten(candidate.reason, 160, placeholder=" …")
        typer.echo(f"  {candidate.chain}: {', '.join(part for part in (outcome, error, cost) if part)}")
    typer.echo(f"{published.name}@{published.version} published, digest {published.digest[:12]}")


def figure_of(text: str) -> tuple[str, float]:
    """Of `--metric NAME=NUMBER`. Raises SettingsInvalid."""
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError as error:
        raise SettingsInvalid(f"--metric {text}: expected NAME=NUMBER, such as log_loss=0.41") from error
