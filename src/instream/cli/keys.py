"""Keys as people write and read them: a value for each key column, or the canonical text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer

from instream.errors import InvalidRows, SettingsInvalid
from instream.key import Part, check, key_of, text_of
from instream.keyed.manifest import key_columns, key_fields
from instream.package import Manifest
from instream.signature import Field

KeyOption = Annotated[
    list[str] | None,
    typer.Option("--key", "-k", metavar="VALUE", help="Of a key column; once for each, in their order: --key JFK --key LAX."),
]
KeyTextOption = Annotated[
    str | None, typer.Option("--key-text", metavar="TEXT", help="The key as --json shows it, such as 's:JFK|n:': the only way to say null.")
]

_PLAIN = re.compile(r"[\w.:/+-]+")
_BOOLEANS = {"true": True, "false": False}


def text_given(manifest: Manifest, values: Sequence[str] | None, text: str | None) -> str:
    """The canonical text of the one key that a command was given. Raises SettingsInvalid, InvalidRows."""
    fields = key_fields(manifest)
    names = ", ".join(f"{field.name} ({field.type})" for field in fields)
    if bool(values) == (text is not None):
        raise SettingsInvalid(f"name the key, by --key or by --key-text: {manifest.name} has a key of {names}")
    if text is None:
        if len(values or ()) > len(fields):
            raise SettingsInvalid(f"--key: {len(values or ())} values, but {manifest.name} has a key of {names}")
        text = text_of([_part(value, field) for value, field in zip(values or (), fields, strict=False)])
    check(text)
    if key_columns(manifest).read(text) is None:
        raise InvalidRows(f"{text} is no key of {manifest.name}, which has a key of {names}")
    return text


def shown(manifest: Manifest, text: str) -> str:
    """A key for people; a text that is not plain is quoted.

    `s:JFK|s:LAX` of the columns origin and dest is `origin=JFK dest=LAX`.
    """
    try:
        key = key_of(text)
    except InvalidRows:  # of another instream
        return text
    names = [field.name for field in key_fields(manifest)]
    return " ".join(f"{name}={_value(part)}" for name, part in zip(names, key, strict=False))


def _part(value: str, field: Field) -> Part:
    if field.type == "string":
        return value
    if field.type == "bool" and value in _BOOLEANS:
        return _BOOLEANS[value]
    if field.type.startswith("int") and re.fullmatch(r"-?\d{1,19}", value):
        return int(value)
    expected = "true or false" if field.type == "bool" else "a whole number"
    raise SettingsInvalid(f"--key {value}: {field.name} is {field.type}, so {expected} was expected")


def _value(part: Part) -> str:
    if isinstance(part, str) and _PLAIN.fullmatch(part) and part not in ("null", "true", "false"):
        return part
    return msgspec.json.encode(part).decode()
