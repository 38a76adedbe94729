"""Texts to Structs: the one loop over records, and the order of their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from instream.codecs.fields import Tokens
from instream.codecs.layout import UINT64_MAX, Layout, Leaf, compiled, is_uint64, numbers_at

Parse = Callable[[bytes], Any]
_BAD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def parse_all(parse: Parse, values: Sequence[bytes]) -> tuple[list[Any], dict[int, str]]:
    """Objects of the good ones, and what was wrong at which position.

    `extend` keeps what came before the exception, and the iterator goes on behind it: no price for good records.
    msgspec's decode_lines would be no faster, and takes two objects on one line for two records.
    """
    objects: list[Any] = []
    bad: dict[int, str] = {}
    rest = iter(values)
    while True:
        try:
            objects.extend(map(parse, rest))
            return objects, bad
        except _BAD as error:
            bad[len(objects) + len(bad)] = str(error)


def parser_of(leaves: Sequence[Leaf], layout: Layout) -> Parse:
    """msgspec takes no bound above 2**63: where a uint64 is wanted, each record is looked at again."""
    parse: Parse = msgspec.json.Decoder(layout.struct).decode
    wide = [numbers_at(leaves[i], text) for i, text in layout.reach.items() if is_uint64(leaves[i].type)]
    if not wide:
        return parse
    numbers = compiled(f"lambda o: ({', '.join(wide)},)")

    def parse_checked(value: bytes) -> Any:
        record = parse(value)
        if any(number is not None and number > UINT64_MAX for number in numbers(record)):
            raise msgspec.ValidationError("Integer value out of range")
        return record

    return parse_checked


def without(items: Sequence[Any], positions: Iterable[int]) -> list[Any]:
    """All but some, whose positions are in order; by slices, since most stay."""
    kept: list[Any] = []
    start = 0
    for at in positions:
        kept += items[start:at]
        start = at + 1
    kept += items[start:]
    return kept


def order_of(value: bytes) -> dict[Tokens, int]:
    """Where each key stands in a record, nested ones included; empty when it cannot be read."""
    try:
        record = msgspec.json.decode(value)
    except _BAD:
        return {}
    order: dict[Tokens, int] = {}
    todo: list[tuple[Tokens, Any]] = [((), record)]
    while todo:
        tokens, value = todo.pop()
        order[tokens] = len(order)
        if isinstance(value, dict):
            todo += [((*tokens, key), inside) for key, inside in reversed(value.items())]
    return order
