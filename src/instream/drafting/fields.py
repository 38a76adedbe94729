"""Where in some real records are the fields that a model needs?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from instream.signature import Field, type_from

_DEPTH_MAX = 8
_POINTERS_MAX = 10_000
_IDS = ("key", "number", "ref", "reference")


@dataclass(frozen=True, slots=True)
class Found:
    """A field of the model and its place in the records.

    Attributes:
        pointer: a JSON pointer; None when no record has anything like it.
        present: share of the records that have it, not null.
    """

    field: Field
    pointer: str | None
    present: float

    @property
    def plain(self) -> bool:
        """At the top, under the model's own name: nothing to write down."""
        return self.pointer == "/" + escaped(self.field.name)


def find_fields(wanted: Sequence[Field], records: Sequence[Mapping[str, Any]]) -> list[Found]:
    """Look for each wanted field: the same name first, then the same name written otherwise; the fitting type, the least deep.

    >>> find_fields([Field("dep_delay", "float64")], [{"payload": {"depDelay": 3}}])[0].pointer
    '/payload/depDelay'
    """
    values = leaves_of(records)
    return [_find(field, values, max(len(records), 1)) for field in wanted]


def likely_ids(records: Sequence[Mapping[str, Any]], taken: Sequence[Found]) -> tuple[str, ...]:
    """What tells records apart and is no input of the model: what an output should repeat; a name, or a pointer if nested.

    >>> likely_ids([{"event": {"id": 1}}, {"event": {"id": 2}}], [])
    ('/event/id',)
    """
    used = {found.pointer for found in taken}
    values = leaves_of(records)
    unique = [pointer for pointer, seen in values.items() if pointer not in used and len(seen) == len(records) and _all_differ(seen)]
    unique = [pointer for pointer in unique if _says_id(pointer) or pointer.count("/") == 1]
    unique.sort(key=lambda pointer: (not _says_id(pointer), pointer.count("/")))
    return tuple(unescaped(pointer[1:]) if pointer.count("/") == 1 else pointer for pointer in unique[:1])


def _all_differ(values: list[Any]) -> bool:
    texts = all(isinstance(value, str | int) and not isinstance(value, bool) for value in values)
    return texts and len(set(values)) == len(values)


def _says_id(pointer: str) -> bool:
    name = unescaped(pointer.rpartition("/")[2]).lower()
    return name in _IDS or name.endswith("id")


def leaves_of(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The values that are not null, by JSON pointer."""
    found: dict[str, list[Any]] = defaultdict(list)
    for record in records:
        for pointer, value in _leaves(record, "", 0):
            if value is not None and (pointer in found or len(found) < _POINTERS_MAX):
                found[pointer].append(value)
    return found


def escaped(name: str) -> str:
    """A name as it stands in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _leaves(value: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        pointer = f"{prefix}/{escaped(str(name))}"
        if isinstance(inner, Mapping):
            if depth < _DEPTH_MAX:
                yield from _leaves(inner, pointer, depth + 1)
        else:
            yield pointer, inner


def _find(field: Field, values: Mapping[str, list[Any]], records: int) -> Found:
    candidates = [pointer for pointer in values if _alike(pointer) == _alike("/" + escaped(field.name))]
    if not candidates:
        return Found(field, None, 0.0)

    def rank(pointer: str) -> tuple[bool, bool, int, int]:
        seen = values[pointer]
        fits = Counter(_fits(value, type_from(field.type)) for value in seen)
        exact = unescaped(pointer.rpartition("/")[2]) == field.name
        return (fits[True] < fits[False], not exact, -len(seen), pointer.count("/"))

    best = min(candidates, key=rank)
    return Found(field, best, len(values[best]) / records)


def _alike(pointer: str) -> str:
    """`/a/Dep-Delay`, `/dep_delay` and `/x/depDelay` are alike."""
    return "".join(letter for letter in unescaped(pointer.rpartition("/")[2]).lower() if letter.isalnum())


def _fits(value: Any, kind: pa.DataType) -> bool:
    if pa.types.is_fixed_size_list(kind):
        return isinstance(value, list) and len(value) == kind.list_size
    if pa.types.is_boolean(kind):
        return isinstance(value, bool)
    if pa.types.is_string(kind):
        return isinstance(value, str)
    if pa.types.is_integer(kind):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, int | float) and not isinstance(value, bool)
