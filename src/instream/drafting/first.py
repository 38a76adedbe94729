"""The first pipeline file for a model and a source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from instream import settings
from instream.connectors.look import look
from instream.drafting.fields import Found, find_fields, likely_ids
from instream.drafting.file import draft
from instream.errors import SettingsInvalid, SourceFailed
from instream.predictor import STAMPS
from instream.stores import open_store, resolve

_DECODE = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Drafted:
    """A pipeline file that is not written yet.

    Attributes:
        records: how many were looked at; `unreadable` of them are no JSON objects.
        fields: where the model's inputs are.
    """

    name: str
    text: str
    records: int
    unreadable: int
    fields: tuple[Found, ...]

    @property
    def absent(self) -> tuple[str, ...]:
        """Inputs of the model that no record has."""
        return tuple(found.field.name for found in self.fields if found.pointer is None)


def first_file(model: str, source: str, *, store: str, sink: str = "-", name: str | None = None) -> Drafted:
    """Look at some records of a source and find the model's inputs in them.

    Args:
        model: `delay` or `delay@3`.
        name: of the pipeline; by default the model's.
    Raises:
        NotFound: the store has no such model.
        SettingsInvalid, SourceFailed: the source cannot be looked at, or has no record.
    """
    opened = open_store(store, create=False)
    named, version = resolve(opened, model)
    manifest = opened.manifest(named, version)
    records, unreadable = _decoded(_values(source))
    if not records:
        raise SourceFailed(f"{source} has {unreadable:,} records and none is a JSON object: there is nothing to learn the fields from")
    fields = tuple(find_fields(manifest.requires, records))
    pipeline = name or named
    given: dict[str, Mapping[str, Any]] = {
        "model": {"name": model, "store": store},
        "strategy": {"kind": "database"} if manifest.keyed else {},
        "features": {"function": "package"} if manifest.features else {},
        "output": {"echo": likely_ids(records, fields)} | ({"stamps": STAMPS.names} if manifest.keyed else {}),
        "source": {"url": source},
        "sink": {"url": sink},
        "dead_letter": {"url": f"{pipeline}-dead.jsonl"},
    }
    return Drafted(pipeline, draft(pipeline, given, fields), len(records) + unreadable, unreadable, fields)


def _values(url: str) -> Iterable[bytes | None]:
    source = settings.Source(url=url)
    for records in look(source, folder=Path()):
        yield from records.values


def _decoded(values: Iterable[bytes | None]) -> tuple[list[dict[str, Any]], int]:
    good: list[dict[str, Any]] = []
    bad = 0
    for value in values:
        try:
            good.append(_DECODE(value or b""))
        except msgspec.MsgspecError:
            bad += 1
    return good, bad


def write_new(path: Path, text: str) -> None:
    """Write a file that does not exist yet. Raises SettingsInvalid."""
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise SettingsInvalid(f"{path} exists already; name another with --out, or remove it") from error
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be written: {error.strerror}") from error
