"""Keys of keyed models: a tuple of values, and the one text that it has in every store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from instream.errors import InvalidRows

Part: TypeAlias = str | int | bool | None
Key: TypeAlias = tuple[Part, ...]

TEXT_BYTES_MAX = 1_024
_INTEGER = re.compile(r"0|-?[1-9]\d{0,18}")
_BETWEEN = "|"


def text_of(key: Sequence[Part]) -> str:
    """The canonical text: different keys have different texts, and none is normalised.

    >>> text_of(("JFK", 7, True, None))
    's:JFK|i:7|b:1|n:'
    >>> text_of(("a|b", "c")), text_of(("a", "b|c"))
    ('s:a%7Cb|s:c', 's:a|s:b%7Cc')

    Raises:
        InvalidRows: a part is of another type, or the text is longer than 1,024 bytes.
    """
    text = _BETWEEN.join(map(_part_text, key))
    if len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES_MAX:
        raise InvalidRows(f"key {text[:60]}…: its text is longer than {TEXT_BYTES_MAX:,} bytes")
    return text


def check(text: str) -> None:
    """Raises InvalidRows where a text is not the canonical one of a key.

    >>> check("i:7"), check("i:07")
    Traceback (most recent call last):
    ...
    instream.errors.InvalidRows: 'i:07' is no part of a key
    """
    if not text:
        raise InvalidRows("a key without a column: give such a model as the default")
    if text_of(key_of(text)) != text:
        raise InvalidRows(f"{text[:60]!r} is not how that key is written: {text_of(key_of(text))[:60]!r}")


def key_of(text: str) -> Key:
    """The key that has this text. Raises InvalidRows when none has.

    >>> key_of("s:a%7Cb|i:-3")
    ('a|b', -3)
    """
    return tuple(map(_part_of, text.split(_BETWEEN))) if text else ()


def _part_text(part: Part) -> str:
    if part is None:
        return "n:"
    if isinstance(part, bool):
        return f"b:{int(part)}"
    if isinstance(part, int):
        return f"i:{part}"
    if isinstance(part, str):
        return "s:" + part.replace("%", "%25").replace(_BETWEEN, "%7C")
    raise InvalidRows(f"{part!r} cannot be part of a key: texts, whole numbers, booleans and null can")


def _part_of(text: str) -> Part:
    kind, separator, value = text.partition(":")
    if separator:
        if kind == "s":
            return value.replace("%7C", _BETWEEN).replace("%25", "%")
        if kind == "i" and _INTEGER.fullmatch(value):
            return int(value)
        if kind == "b" and value in ("0", "1"):
            return value == "1"
        if kind == "n" and not value:
            return None
    raise InvalidRows(f"{text[:60]!r} is no part of a key")
