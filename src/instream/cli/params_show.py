"""`instream params list`, `get`, `history`: what keys have."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from instream.cli import tables
from instream.cli.keyed_model import CHAMPION, Name, VersionOption, keys, model_of, print_json
from instream.cli.keys import KeyOption, KeyTextOption, shown, text_given
from instream.cli.options import JsonOption, StoreOption
from instream.keyed.payload import header_of
from instream.stores.in_force import in_force
from instream.stores.parameters import Revised


def list_keys(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000_000, help="Show so many at most.")] = 1_000,
    version: VersionOption = CHAMPION,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show the keys that have parameters: when they were written, their bytes, the key. Those that were removed are left out."""
    model = model_of(store, name, version)
    found = ((text, each) for text, each in in_force(model.parameters) if each.payload is not None)
    count = 0
    for text, each in islice(found, limit):
        count += 1
        if json:
            print_json({"key": text, **_revised(each)})
        else:
            typer.echo(f"{_time(each.revision)}  {len(each.payload or b''):>10}  {shown(model.manifest, text)}")
    more = "; there are more, see --limit" if next(found, None) else ""
    typer.echo(f"{keys(count)} of {model.reference}{more}", err=True)


def get(
    name: Name,
    key: KeyOption = None,
    key_text: KeyTextOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write the parameters themselves, a safetensors file; - is standard output."),
    ] = None,
    version: VersionOption = CHAMPION,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show what one key has, or write it to a file. Status 1 where it has nothing."""
    model = model_of(store, name, version)
    text = text_given(model.manifest, key, key_text)
    found = model.parameters.read([text]).get(text)
    if found is None or found.payload is None:
        raise model.absent(text)
    if out is not None:
        _write(out, found.payload)
        return
    header = header_of(found.payload)
    if json:
        print_json({"key": text, **_revised(found), "header": header})
        return
    lines = {
        "key": f"{shown(model.manifest, text)} ({text})",
        "revision": f"{found.revision}",
        "time": _time(found.revision),
        "bytes": f"{len(found.payload):,}",
        "architecture": header.architecture,
        "features": ", ".join(header.features),
        "digest": header.digest,
    }
    for what, value in lines.items():
        typer.echo(f"{what:<14}{value}")


def history(
    name: Name,
    key: KeyOption = None,
    key_text: KeyTextOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Show so many at most; a store keeps 100 or a few more.")] = 10,
    version: VersionOption = CHAMPION,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Show the revisions of one key, the newest first: the one in force, those before it, and where it was removed."""
    model = model_of(store, name, version)
    text = text_given(model.manifest, key, key_text)
    kept = model.parameters.history(text, limit)
    if not kept:
        raise model.absent(text)
    if json:
        for each in kept:
            print_json({"key": text, **_revised(each)})
    else:
        tables.show(("REVISION", "TIME", "BYTES", "STATE"), [_row(each, each is kept[0]) for each in kept])


def _write(out: Path, payload: bytes) -> None:
    if str(out) == "-":
        sys.stdout.buffer.write(payload)
        sys.stdout.buffer.flush()
    else:
        out.write_bytes(payload)
        typer.echo(f"{len(payload):,} bytes written to {out}", err=True)


def _revised(each: Revised) -> dict[str, Any]:
    return {"revision": each.revision, "time": _time(each.revision), "bytes": len(each.payload or b""), "removed": each.payload is None}


def _row(each: Revised, newest: bool) -> Sequence[str]:
    state = "removed" if each.payload is None else "in force" if newest else ""
    return str(each.revision), _time(each.revision), "" if each.payload is None else str(len(each.payload)), state


def _time(revision: int) -> str:
    """When it was written, in UTC; of a writer whose clock was far ahead, that time."""
    try:
        return datetime.fromtimestamp(revision / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "-"
