"""A msgspec Struct made from the fields that are wanted, and the expressions that reach them in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pyarrow as pa

from instream.codecs.fields import Tokens
from instream.errors import SettingsInvalid

NULL = msgspec.Raw(b"null")
FLOAT32_MAX = 3.4028234663852886e38
UINT64_MAX = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Leaf:
    """One place in a record. `type` None keeps the JSON text; `required` is neither null nor absent."""

    label: str
    tokens: Tokens
    type: pa.DataType | None
    required: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """A Struct that holds some leaves, and for each (by its index) the Python expression that reaches it from `o`."""

    struct: type[msgspec.Struct]
    reach: Mapping[int, str]


def layouts(leaves: Sequence[Leaf], order: Mapping[Tokens, int]) -> list[Layout]:
    """As few Structs as hold all leaves: one, or more where two leaves want the same place (a field that is echoed too).

    Args:
        order: where each place stands in a record. msgspec looks for a key from where it found the last one,
            so a Struct in the records' own order decodes in 0.42 µs what takes 0.51 in a shuffled order and 0.60 in reverse.
    """
    passes = [_Pass([], set(), set())]
    for index, leaf in enumerate(leaves):
        free = next((each for each in passes if each.has_room(leaf.tokens)), None)
        if free is None:
            passes.append(free := _Pass([], set(), set()))
        free.take(index, leaf.tokens)
    last = len(order)
    return [_layout(leaves, sorted(each.held, key=lambda i: order.get(leaves[i].tokens, last))) for each in passes]


@dataclass(frozen=True, slots=True)
class _Pass:
    """Leaves, by index, that one Struct can hold: no place twice, none inside another."""

    held: list[int]
    places: set[Tokens]
    parents: set[Tokens]

    def has_room(self, tokens: Tokens) -> bool:
        prefixes = (tokens[:depth] for depth in range(1, len(tokens) + 1))
        return tokens not in self.parents and self.places.isdisjoint(prefixes)

    def take(self, index: int, tokens: Tokens) -> None:
        self.held.append(index)
        self.places.add(tokens)
        self.parents.update(tokens[:depth] for depth in range(1, len(tokens)))


def _layout(leaves: Sequence[Leaf], held: Sequence[int]) -> Layout:
    reach: dict[int, str] = {}
    try:
        struct = _struct("Record", leaves, held, 0, "o", reach)
    except ValueError as error:
        raise SettingsInvalid(f"a field cannot be read by its name: {error}") from error
    return Layout(struct, reach)


def _struct(name: str, leaves: Sequence[Leaf], held: Sequence[int], depth: int, at: str, reach: dict[int, str]) -> type[msgspec.Struct]:
    """The Struct of one level; fills `reach`. Attributes are called f0, f1, … and renamed, so that any key will do."""
    fields: list[tuple[str, Any, Any]] = []
    groups: dict[str, list[int]] = {}
    for index in held:
        groups.setdefault(leaves[index].tokens[depth], []).append(index)
    for key, inside in groups.items():
        attribute = f"f{len(fields)}"
        here = f"{at}.{attribute}"
        must = any(leaves[index].required for index in inside)
        if len(leaves[inside[0]].tokens) == depth + 1:
            leaf = leaves[inside[0]]
            reach[inside[0]], kind, default = here, python_type(leaf), NULL if leaf.type is None else None
        else:
            found: dict[int, str] = {}
            kind, default = _struct(f"{name}_{attribute}", leaves, inside, depth + 1, here, found), None
            reach.update({i: text if must else f"({absent(leaves[i])} if {here} is None else {text})" for i, text in found.items()})
            kind = kind if must else kind | None
        fields.append((attribute, kind, msgspec.field(name=key) if must else msgspec.field(name=key, default=default)))
    return msgspec.defstruct(name, fields, gc=False, kw_only=True)


def absent(leaf: Leaf) -> str:
    """What stands for a leaf whose parent is not there, in an expression."""
    return "NULL" if leaf.type is None else "None"


def python_type(leaf: Leaf) -> Any:
    """What msgspec must find at a leaf."""
    if leaf.type is None:
        return msgspec.Raw
    kind = _value_type(leaf.type)
    return kind if leaf.required else kind | None


def _value_type(kind: pa.DataType) -> Any:
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        return Annotated[list[_value_type(kind.value_type)], msgspec.Meta(min_length=size, max_length=size)]  # type: ignore[misc]
    if pa.types.is_string(kind):
        return str
    if pa.types.is_boolean(kind):
        return bool
    if pa.types.is_float32(kind):
        return Annotated[float, msgspec.Meta(ge=-FLOAT32_MAX, le=FLOAT32_MAX)]
    if pa.types.is_float64(kind):
        return float
    if pa.types.is_integer(kind):
        low, high = bounds(kind)
        return Annotated[int, msgspec.Meta(ge=low, le=high)] if high < 1 << 63 else Annotated[int, msgspec.Meta(ge=low)]
    raise SettingsInvalid(f"a field of type {kind} cannot be decoded: expected a string, bool, number, or a fixed-size list of them")


def bounds(kind: pa.DataType) -> tuple[int, int]:
    """Least and largest integer of a type."""
    bits = kind.bit_width
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if pa.types.is_signed_integer(kind) else (0, (1 << bits) - 1)


def is_uint64(kind: pa.DataType | None) -> bool:
    """Whether a leaf has integers that msgspec cannot bound."""
    if kind is None:
        return False
    return bool(pa.types.is_uint64(kind) or (pa.types.is_fixed_size_list(kind) and pa.types.is_uint64(kind.value_type)))


def numbers_at(leaf: Leaf, reach: str) -> str:
    """The expression of one number, or of all numbers of a list, inside a tuple."""
    return f"*({reach} or ())" if pa.types.is_fixed_size_list(leaf.type) else reach


def compiled(source: str) -> Callable[..., Any]:
    """A function from text that is made of our own attribute names only: names known at compile time
    are what makes `[o.f0 for o in rows]` three times as fast as `map(attrgetter("f0"), rows)`."""
    return eval(source, {"__builtins__": {}, "NULL": NULL})  # type: ignore[no-any-return]
