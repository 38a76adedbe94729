"""`instream params put`, `remove`, `rollback`: what keys are to have from now on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from instream.cli.keyed_model import CHAMPION, KeyedModel, Name, VersionOption, keys, model_of, print_json
from instream.cli.keys import KeyOption, KeyTextOption, shown, text_given
from instream.cli.options import JsonOption, StoreOption
from instream.cli.progress import counted
from instream.errors import SettingsInvalid
from instream.key import key_of, text_of
from instream.publishing.keyed.pairs import pairs_of
from instream.publishing.keyed.update import put_parameters
from instream.stores.parameters import PAYLOAD_BYTES_MAX


def put(
    name: Name,
    source: Annotated[
        str | None,
        typer.Argument(metavar="[MODULE:FUNCTION]", help="Or FILE.py:FUNCTION. Gives (key, fitted estimator) for many keys; None removes."),
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="FILE", help="Parameters of one key, as `get --out` writes them; - is standard input.")
    ] = None,
    key: KeyOption = None,
    key_text: KeyTextOption = None,
    sample: Annotated[Path | None, typer.Option(metavar="FILE", help="Rows for the proof of estimators: .parquet .csv or .jsonl.")] = None,
    version: VersionOption = CHAMPION,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Give one key, or many, new parameters; what serves the model follows within a second or so.

    Each key's are proved before they are written, and are written whole or not at all. Where one is refused, the batches
    of 500 keys before it stay written, and the message names the key.
    """
    model = model_of(store, name, version)
    if (source is None) == (file is None):
        raise SettingsInvalid("say what to put: --file FILE for one key, or MODULE:FUNCTION for many")
    if source is not None:
        if key or key_text is not None:
            raise SettingsInvalid(f"{source} names its keys itself: leave out --key and --key-text")
        items: Any = pairs_of(source)
    else:
        items = [(key_of(text_given(model.manifest, key, key_text)), _read(file or "-"))]
    with counted("keys") as told:
        written = put_parameters(
            model.store,
            model.manifest.name,
            items,
            version=model.version,
            sample=sample,
            progress=lambda done: told(model.reference, done),
        )
    if json:
        for each, revision in written.items():
            print_json({"key": text_of(each), "revision": revision})
    else:
        typer.echo(f"{keys(len(written))} of {model.reference} written")


def remove(
    name: Name,
    key: KeyOption = None,
    key_text: KeyTextOption = None,
    version: VersionOption = CHAMPION,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Take the parameters of one key away: it is answered as a key that never had any. `rollback` brings them back."""
    model = model_of(store, name, version)
    text = text_given(model.manifest, key, key_text)
    found = model.parameters.read([text]).get(text)
    if found is None or found.payload is None:
        raise model.absent(text)
    _tell(model, text, model.parameters.write({text: None})[text], "removed", json)


def rollback(
    name: Name,
    key: KeyOption = None,
    key_text: KeyTextOption = None,
    revision: Annotated[
        int | None, typer.Option(metavar="N", help="Which, of those that `history` shows. \\[default: the one before that in force]")
    ] = None,
    version: VersionOption = CHAMPION,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Put earlier parameters of one key in force again, as a new revision; the history is kept."""
    model = model_of(store, name, version)
    text = text_given(model.manifest, key, key_text)
    new = model.parameters.rollback(text, revision)
    what = "has nothing again" if model.parameters.read([text])[text].payload is None else "put back"
    _tell(model, text, new, what, json)


def _tell(model: KeyedModel, text: str, revision: int, what: str, json: bool) -> None:
    if json:
        print_json({"key": text, "revision": revision})
    else:
        typer.echo(f"{shown(model.manifest, text)}: {what}, revision {revision} of {model.reference}")


def _read(file: str) -> bytes:
    """Raises SettingsInvalid where it is larger than any parameters."""
    if file == "-":
        content = sys.stdin.buffer.read(PAYLOAD_BYTES_MAX + 1)
    else:
        with Path(file).open("rb") as stream:
            content = stream.read(PAYLOAD_BYTES_MAX + 1)
    if len(content) > PAYLOAD_BYTES_MAX:
        raise SettingsInvalid(f"--file {file}: larger than {PAYLOAD_BYTES_MAX:,} bytes, so no parameters of a key")
    return content
