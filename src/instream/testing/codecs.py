"""The laws of a codec: `class TestMine(CodecLaws)` with a fixture `values`, whatever it may hold.

A decoder is asked for `FIELDS` and, as an echo, for `ECHO`.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from instream.codecs import Decoded, Decoder, Encoder, Field, echo_of
from instream.failures import Code
from instream.rows import ArrowRows

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


def some(values: Sequence[bytes | None], rows: Sequence[int]) -> Sequence[bytes | None]:
    """Some of the values, in the form that they have."""
    if isinstance(values, ArrowRows):
        present = None if values.present is None else [values.present[row] for row in rows]
        return ArrowRows(values.batch.take(pa.array(rows, pa.int64())), present)
    return [values[row] for row in rows]


def seen(decoded: Decoded, start: int = 0) -> dict[int, Any]:
    """What became of each record: its row and echo, or code and message."""
    echo = [[_plain(value) for value in column] for column in decoded.echo]
    rows = zip(decoded.rows.tolist(), decoded.batch.to_pylist(), *echo, strict=True)
    found: dict[int, Any] = {start + row: told for row, *told in rows}
    failures = decoded.failures
    for row, code, message in zip(failures.rows.tolist(), failures.codes, failures.messages, strict=True):
        assert start + row not in found, f"record {row} is decoded and has failed"
        found[start + row] = (code, message)
    return found


def _plain(value: Any) -> Any:
    return value.as_py() if isinstance(value, pa.Scalar) else bytes(value)


class CodecLaws:
    """A decoder of one format. A subclass supplies `values` and `decoder`; `encoder` for what is written."""

    @pytest.fixture
    def values(self) -> Sequence[bytes | None]:
        """At least 300 records, good and bad."""
        raise NotImplementedError

    @pytest.fixture
    def decoder(self) -> Decoder:
        """For `FIELDS`, `ECHO` and `RECORD_BYTES_MAX`."""
        raise NotImplementedError

    @pytest.fixture
    def encoder(self) -> Encoder:
        """For the names of `ECHO` and the columns of `FIELDS`."""
        raise NotImplementedError

    def test_each_record_is_a_row_or_a_failure(self, decoder: Decoder, values: Sequence[bytes | None]) -> None:
        """Law 1: rows and failures are in order, and together are all records, each once."""
        decoded = decoder.decode(values)
        assert decoded.batch.num_rows == len(decoded.rows) == len(decoded.echo[0])
        assert decoded.rows.dtype == decoded.failures.rows.dtype == np.int32
        assert (np.diff(decoded.rows) > 0).all()
        assert (np.diff(decoded.failures.rows) > 0).all()
        assert sorted([*decoded.rows.tolist(), *decoded.failures.rows.tolist()]) == list(range(len(values)))
        assert 0 < len(decoded.failures) < len(values)

    def test_the_columns_are_those_asked_for(self, decoder: Decoder, values: Sequence[bytes | None]) -> None:
        """Law 2: names, types and nullability never depend on the records, whether many, none, or only bad ones."""
        expected = pa.schema([pa.field(field.name, field.type, field.nullable) for field in FIELDS])
        bad = decoder.decode(values).failures.rows.tolist()
        everything = list(range(len(values)))
        for rows in (everything[:0], bad, everything):
            batch = decoder.decode(some(values, rows)).batch
            assert batch.schema == expected
            batch.validate(full=True)
            assert all(field.nullable or not batch.column(field.name).null_count for field in FIELDS)

    def test_no_neighbour_changes_a_record(self, decoder: Decoder, values: Sequence[bytes | None]) -> None:
        """Law 10: each of the records, good or bad, becomes what it becomes alone."""
        whole = seen(decoder.decode(values))
        alone = {row: seen(decoder.decode(some(values, [row])), row)[row] for row in range(len(values))}
        assert whole == alone

    @pytest.mark.parametrize("seed", range(5))
    def test_any_cut_gives_the_same(self, decoder: Decoder, values: Sequence[bytes | None], seed: int) -> None:
        """Law 2: a batch and its parts decode alike, wherever it is cut."""
        chance = random.Random(seed)
        cuts = [0, *sorted(chance.sample(range(1, len(values)), chance.randint(1, 20))), len(values)]
        parts: dict[int, Any] = {}
        for start, end in itertools.pairwise(cuts):
            parts |= seen(decoder.decode(some(values, range(start, end))), start)
        assert parts == seen(decoder.decode(values))

    @pytest.mark.parametrize("seed", range(3))
    def test_what_came_before_changes_nothing(self, decoder: Decoder, values: Sequence[bytes | None], seed: int) -> None:
        """Law 2: a decoder that has seen other records, in another order, decodes as it did."""
        first = seen(decoder.decode(values))
        rows = random.Random(seed).sample(range(len(values)), len(values))
        shuffled = seen(decoder.decode(some(values, rows)))
        assert {rows[at]: told for at, told in shuffled.items()} == first
        assert seen(decoder.decode(values)) == first

    def test_what_is_written_can_be_read(self, decoder: Decoder, encoder: Encoder, values: Sequence[bytes | None]) -> None:
        """Law 1: as many values as rows, and none of them lost or moved."""
        decoded = decoder.decode(values)
        written = encoder.encode(decoded.echo, decoded.batch)
        assert len(written) == decoded.batch.num_rows
        assert all(value is not None and b"\n" not in value for value in written)
        again = self.reread(written)
        assert again == decoded.batch.to_pylist()

    def reread(self, written: Sequence[bytes | None]) -> list[dict[str, Any]]:
        """The columns of `FIELDS` in what the encoder wrote."""
        raise NotImplementedError
