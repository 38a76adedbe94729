"""Say why one record could not be decoded: what was expected, what was found, and where."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
import pyarrow as pa

from instream.codecs.layout import Leaf, bounds, python_type
from instream.failures import Code
from instream.signature import type_text

Fault = tuple[Code, str]

SHOWN_MAX = 60
"""Characters of a value that a message shows."""

_TOO_DEEP = Code.NOT_JSON, "nested too deeply to be read"
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KINDS = {"{": "object", "[": "array", '"': "string", "t": "bool", "f": "bool", "n": "null"}


def explain(value: bytes, leaves: Sequence[Leaf], error: str) -> Fault:
    """The first fault of a record, by the order of the fields.

    Args:
        error: what the fast decoder said; told as it is when this one finds nothing.
    """
    if not value:
        return Code.EMPTY, "empty value: expected one JSON object"
    if error.startswith("maximum recursion depth"):
        return _TOO_DEEP
    try:
        top = _OBJECT.decode(value)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as reason:
        return _not_an_object(value, reason)
    for leaf in leaves:
        if fault := _leaf_fault(top, leaf):
            return fault
    return Code.WRONG_TYPE, f"a key occurs twice, and not each time with the right type: {error}"


def _not_an_object(value: bytes, reason: Exception) -> Fault:
    if isinstance(reason, UnicodeDecodeError):
        return not_utf8(reason)
    if isinstance(reason, RecursionError):
        return _TOO_DEEP
    if isinstance(reason, msgspec.ValidationError):
        return Code.NOT_JSON, f"expected one JSON object, got {_shown(value.strip())}"
    if token := _not_finite(value):
        return Code.OUT_OF_RANGE, f"{token} is not JSON: let the producer write null, or leave the field out"
    return Code.NOT_JSON, f"expected one JSON object: {reason}"


def not_utf8(error: UnicodeDecodeError) -> Fault:
    """A record with bytes that are no text."""
    return Code.NOT_UTF8, f"not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start}"


class _NotFinite(Exception):
    """Carries the token; never leaves this module."""


def _tell(token: str) -> None:
    raise _NotFinite(token)


_LENIENT = json.JSONDecoder(parse_constant=_tell)


def _not_finite(value: bytes) -> str:
    """The first `NaN`, `Infinity` or `-Infinity` that keeps a value from being JSON; Python's own writer makes them."""
    if b"NaN" not in value and b"Infinity" not in value:
        return ""
    try:
        _LENIENT.decode(value.decode())
    except _NotFinite as token:
        return str(token)
    except (ValueError, RecursionError):
        return ""
    return ""


def _leaf_fault(top: dict[str, msgspec.Raw], leaf: Leaf) -> Fault | None:
    """Follow the pointer; every level above the last must be an object, or, where nothing is required, null or absent."""
    inside = top
    for depth, token in enumerate(leaf.tokens[:-1], 1):
        raw = inside.get(token)
        if raw is None or bytes(raw) == b"null":
            return _nothing(leaf, raw, "/".join(["", *leaf.tokens[:depth]])) if leaf.required else None
        try:
            inside = _OBJECT.decode(raw)
        except msgspec.ValidationError:
            at = "/".join(["", *leaf.tokens[:depth]])
            return Code.WRONG_TYPE, f"{leaf.label}: expected an object at {at}, got {_shown(bytes(raw))}"
    raw = inside.get(leaf.tokens[-1])
    if raw is None or bytes(raw) == b"null":
        return _nothing(leaf, raw, "") if leaf.required else None
    return _value_fault(leaf, bytes(raw))


def _nothing(leaf: Leaf, raw: msgspec.Raw | None, at: str) -> Fault:
    what = "missing" if raw is None else "null"
    where = f"{at} is {what}" if at else f"got {'nothing' if raw is None else 'null'}"
    return Code(what), f"{leaf.label}: expected {type_text(leaf.type)}, {where}"


def _value_fault(leaf: Leaf, raw: bytes) -> Fault | None:
    if leaf.type is None:
        return None
    try:
        found = msgspec.json.decode(raw, type=python_type(leaf))
    except msgspec.MsgspecError:
        code = Code.OUT_OF_RANGE if _is_too_large(leaf.type, raw) else Code.WRONG_TYPE
    else:
        if not isinstance(found, int) or not pa.types.is_uint64(leaf.type) or found <= bounds(leaf.type)[1]:
            return None
        code = Code.OUT_OF_RANGE
    return code, f"{leaf.label}: expected {type_text(leaf.type)}, got {_shown(raw)}"


def _is_too_large(kind: pa.DataType, raw: bytes) -> bool:
    """Whether a number is of the right kind, and only its type cannot hold it."""
    if pa.types.is_fixed_size_list(kind):
        return False
    if pa.types.is_floating(kind):
        return raw[:1] in b"-0123456789"
    return pa.types.is_integer(kind) and raw.lstrip(b"-").isdigit()


def _shown(raw: bytes) -> str:
    """A JSON text for people: its kind, and as much of it as a message may hold.

    >>> _shown(b'"n/a"')
    'string "n/a"'
    """
    text = raw[: 4 * SHOWN_MAX].decode("utf-8", "replace")
    cut = text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX] + "…"
    kind = _KINDS.get(text[:1], "number")
    return kind if kind == "null" else f"{kind} {cut}"
