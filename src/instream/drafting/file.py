"""A pipeline file with every setting: those that matter set, the others as comments with their defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from instream.drafting.fields import Found
from instream.settings import Pipeline

Given = Mapping[str, Mapping[str, Any]]
"""Settings that are written out, by section and key."""

_TABLES = {"fields", "options"}  # written as tables of their own


def draft(name: str, given: Given, fields: Sequence[Found]) -> str:
    """The text of a pipeline file.

    Args:
        name: of the pipeline.
        given: what is set; everything else is a comment.
        fields: where the model's inputs are in the records.
    """
    parts = [f"# A pipeline of instream: `instream check` looks it over, `instream run` runs it.\nname = {json.dumps(name)}\n"]
    for section, info in Pipeline.model_fields.items():
        part = _part_of(info)
        if part is not None:
            parts.append(_section(section, part, given.get(section, {})))
        if section == "source":
            parts.append(_fields(fields))
    return "\n".join(parts)


def _section(name: str, part: type[BaseModel], given: Mapping[str, Any]) -> str:
    lines = [f"[{name}]  # {_sentence(part.__doc__ or '')}"]
    for key, info in part.model_fields.items():
        if key in _TABLES:
            continue
        comment = f"# {info.description}{_bounds(info)}"
        if key in given:
            lines.append(f"{key} = {_toml(given[key])}  {comment}")
        else:
            default = _toml(info.default) if info.default not in (None, ()) else ("[]" if info.default == () else '"…"')
            lines.append(f"# {key} = {default}  {comment}")
    return "\n".join(lines) + "\n"


def _fields(fields: Sequence[Found]) -> str:
    head = "[source.fields]  # A JSON pointer for each input that is not at the top of a record under its own name."
    if all(found.plain for found in fields):
        example = fields[0].field.name if fields else "field"
        return f'# {head}\n# {example} = "/payload/after/{example}"\n'
    lines = [head]
    for found in (each for each in fields if not each.plain):
        key = found.field.name if re.fullmatch(r"[A-Za-z0-9_-]+", found.field.name) else json.dumps(found.field.name, ensure_ascii=False)
        if found.pointer is None:
            lines.append(f"{key} = {json.dumps('/' + found.field.name)}  # {found.field.type}: in no record that was looked at; correct it")
        else:
            often = "" if found.present == 1 else f", in {found.present:.0%} of the records that were looked at"
            lines.append(f"{key} = {json.dumps(found.pointer, ensure_ascii=False)}  # {found.field.type}{often}")
    return "\n".join(lines) + "\n"


def _part_of(info: FieldInfo) -> type[BaseModel] | None:
    for kind in (info.annotation, *get_args(info.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _bounds(info: FieldInfo) -> str:
    """` 1 to 64`, ` At least 1`: what the setting's own constraints say."""
    limits = {type(each).__name__: each for each in info.metadata}
    least = getattr(limits.get("Ge"), "ge", None)
    most = getattr(limits.get("Le"), "le", None)
    if least is not None and most is not None:
        return f" {least:,} to {most:,}."
    return f" At least {_toml(least).strip(chr(34))}." if least is not None else ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, BaseModel):
        return "{}"
    if isinstance(value, int) and value >= 1 << 20 and value % (1 << 20) == 0:
        return f'"{value >> 20}MiB"'
    if isinstance(value, Sequence):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return str(value)


def _sentence(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
