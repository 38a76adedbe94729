"""The keyed model that a command of `instream params` is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer

from instream.cli.keys import shown
from instream.cli.options import store_of
from instream.errors import NotFound
from instream.keyed.manifest import keyed_of
from instream.package import Manifest, Version
from instream.stores import Store, resolve
from instream.stores.parameters import Parameters

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of a keyed model.")]
VersionOption = Annotated[
    str, typer.Option("--version", metavar="VERSION", help="A number, or a label of the head; each version has parameters of its own.")
]
CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class KeyedModel:
    """What a command was told to look at."""

    store: Store
    manifest: Manifest
    version: Version

    @property
    def reference(self) -> str:
        return f"{self.manifest.name}@{self.version}"

    @property
    def parameters(self) -> Parameters:
        return self.store.parameters(self.manifest.name, self.version)

    def absent(self, text: str) -> NotFound:
        return NotFound(f"{self.reference} has no parameters for {shown(self.manifest, text)}; `instream params list` shows its keys")


def model_of(store: str | None, name: str, version: str) -> KeyedModel:
    opened = store_of(store)
    name, number = resolve(opened, f"{name}@{version}")
    manifest = opened.manifest(name, number)
    keyed_of(manifest)
    return KeyedModel(opened, manifest, number)


def keys(count: int) -> str:
    return f"{count:,} key{'' if count == 1 else 's'}"


def print_json(found: object) -> None:
    typer.echo(msgspec.json.encode(found))
