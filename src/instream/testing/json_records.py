"""Records of every kind, as JSON: good, bad in each way, and those that only look bad. For `FIELDS` and `ECHO`."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pyarrow as pa

from instream.codecs import Field, echo_of
from instream.failures import Code

FIELDS = (
    Field("x", "x", pa.float64()),
    Field("n", "n", pa.int32(), nullable=True),
    Field("s", "s", pa.string(), nullable=True),
    Field("v", "/deep/v", pa.list_(pa.float32(), 2)),
)
"""A number that must be there, an integer and a text that may be null, and a list inside an object."""

ECHO = (echo_of("id"),)
RECORD_BYTES_MAX = 5_000

GOOD_JSON = '{{"id": {key}, "x": {x}, "n": {n}, "s": "sé{n}", "deep": {{"v": [{x}, 2.5]}}}}'

BAD_JSON: Mapping[str, tuple[bytes | None, Code]] = {
    "null": (b'{"id": "a", "x": null, "deep": {"v": [1, 2]}}', Code.NULL),
    "null_object": (b'{"id": "a", "x": 1, "deep": null}', Code.NULL),
    "missing": (b'{"id": "a", "deep": {"v": [1, 2]}}', Code.MISSING),
    "missing_inside": (b'{"id": "a", "x": 1, "deep": {}}', Code.MISSING),
    "missing_object": (b'{"id": "a", "x": 1}', Code.MISSING),
    "text_for_number": (b'{"id": "a", "x": "n/a", "deep": {"v": [1, 2]}}', Code.WRONG_TYPE),
    "bool_for_number": (b'{"id": "a", "x": true, "deep": {"v": [1, 2]}}', Code.WRONG_TYPE),
    "float_for_integer": (b'{"id": "a", "x": 1, "n": 3.0, "deep": {"v": [1, 2]}}', Code.WRONG_TYPE),
    "number_for_text": (b'{"id": "a", "x": 1, "s": 5, "deep": {"v": [1, 2]}}', Code.WRONG_TYPE),
    "number_for_object": (b'{"id": "a", "x": 1, "deep": 7}', Code.WRONG_TYPE),
    "short_list": (b'{"id": "a", "x": 1, "deep": {"v": [1]}}', Code.WRONG_TYPE),
    "null_in_list": (b'{"id": "a", "x": 1, "deep": {"v": [1, null]}}', Code.WRONG_TYPE),
    "duplicate_bad": (b'{"id": "a", "x": "n/a", "x": 1, "deep": {"v": [1, 2]}}', Code.WRONG_TYPE),
    "nan": (b'{"id": "a", "x": NaN, "deep": {"v": [1, 2]}}', Code.OUT_OF_RANGE),
    "infinity": (b'{"id": "a", "x": -Infinity, "deep": {"v": [1, 2]}}', Code.OUT_OF_RANGE),
    "huge_float": (b'{"id": "a", "x": 1e999, "deep": {"v": [1, 2]}}', Code.OUT_OF_RANGE),
    "huge_integer": (b'{"id": "a", "x": 1, "n": 123456789012345678901234567890, "deep": {"v": [1, 2]}}', Code.OUT_OF_RANGE),
    "thousand_digits": (b'{"id": "a", "x": 1, "n": 1' + b"0" * 1000 + b', "deep": {"v": [1, 2]}}', Code.OUT_OF_RANGE),
    "utf8_in_field": (b'{"id": "a", "x": 1, "s": "\xff", "deep": {"v": [1, 2]}}', Code.NOT_UTF8),
    "utf8_in_echo": (b'{"id": "\xc3", "x": 1, "deep": {"v": [1, 2]}}', Code.NOT_UTF8),
    "utf8_in_unused": (b'{"id": "a", "x": 1, "deep": {"v": [1, 2]}, "note": "\xed\xa0\x80"}', Code.NOT_UTF8),
    "utf8_in_name": (b'{"id": "a", "x": 1, "deep": {"v": [1, 2]}, "\xfe": 1}', Code.NOT_UTF8),
    "lone_surrogate": (b'{"id": "a", "x": 1, "s": "\\ud800", "deep": {"v": [1, 2]}}', Code.NOT_JSON),
    "truncated": (b'{"id": "a", "x": 1, "deep": {"v": [1', Code.NOT_JSON),
    "two_objects": (b'{"id": "a", "x": 1, "deep": {"v": [1, 2]}}{"id": "b", "x": 1, "deep": {"v": [1, 2]}}', Code.NOT_JSON),
    "two_lines": (b'{"id": "a", "x": 1, "deep": {"v": [1, 2]}}\n{"id": "b", "x": 1, "deep": {"v": [1, 2]}}', Code.NOT_JSON),
    "array": (b'[{"id": "a", "x": 1, "deep": {"v": [1, 2]}}]', Code.NOT_JSON),
    "scalar": (b"null", Code.NOT_JSON),
    "no_json": (b"id=a;x=1", Code.NOT_JSON),
    "byte_order_mark": (b'\xef\xbb\xbf{"id": "a", "x": 1, "deep": {"v": [1, 2]}}', Code.NOT_JSON),
    "leading_zero": (b'{"id": "a", "x": 01, "deep": {"v": [1, 2]}}', Code.NOT_JSON),
    "nested_too_deeply": (b'{"id": "a", "x": 1, "y": ' + b"[" * 2000 + b"]" * 2000 + b"}", Code.NOT_JSON),
    "whitespace": (b" \n", Code.NOT_JSON),
    "empty": (b"", Code.EMPTY),
    "tombstone": (None, Code.EMPTY),
    "too_large": (b'{"id": "a", "x": 1, "deep": {"v": [1, 2]}, "note": "' + b"z" * RECORD_BYTES_MAX + b'"}', Code.TOO_LARGE),
}
"""Every kind of bad record, for `FIELDS` and `RECORD_BYTES_MAX`, and the code that it gets."""

ODD_JSON: Mapping[str, bytes] = {
    "pretty": b'{\n  "id": "odd",\r\n  "x": 1,\n  "deep": {\n    "v": [1, 2]\n  }\n}\n',
    "duplicate": b'{"id": 1, "x": 1, "x": 2, "deep": {"v": [1, 2]}, "deep": {"v": [3, 4]}, "id": 2}',
    "extra": b'{"a": [{"b": null}], "id": "odd", "x": 1, "deep": {"w": {}, "v": [1, 2]}, "z": "\\u00e9"}',
    "integer_for_float": b'{"id": "odd", "x": 7, "deep": {"v": [1, 2]}}',
    "huge_integer_for_float": b'{"id": "odd", "x": 123456789012345678901234567890, "deep": {"v": [1, 2]}}',
    "huge_echo": b'{"id": 123456789012345678901234567890.00, "x": 1, "deep": {"v": [1, 2]}}',
    "echo_with_lines": b'{"id": {\n"a": [1,\r\n2]}, "x": 1, "deep": {"v": [1, 2]}}',
    "null_echo": b'{"id": null, "x": 1, "deep": {"v": [1, 2]}}',
    "no_echo": b'{"x": 1, "deep": {"v": [1, 2]}}',
    "newline_in_text": b'{"id": "odd", "x": 1, "s": "a\\nb\\u0000", "deep": {"v": [1, 2]}}',
    "escaped_name": b'{"\\u0069d": "odd", "\\u0078": 1, "deep": {"v": [1, 2]}}',
}
"""Records that look bad and are good."""


def keyed_json(count: int = 300, seed: int = 0) -> list[bytes | None]:
    """So many records, every kind of bad and odd one among them several times, at seeded places."""
    chance = random.Random(seed)
    kinds = [*(value for value, _ in BAD_JSON.values()), *ODD_JSON.values()]
    values: list[bytes | None] = [
        GOOD_JSON.format(key=f'"k{i}"', x=round(chance.uniform(-1e3, 1e3), 3), n=chance.randint(-9, 9)).encode() for i in range(count)
    ]
    for place, value in zip(chance.sample(range(count), min(count // 2, 3 * len(kinds))), 3 * kinds, strict=False):
        values[place] = value
    return values
