"""The laws of a codec: `class TestMine(CodecLaws)` with a fixture `values`, whatever it may hold.

A decoder is asked for the `FIELDS` and, as an echo, for the `ECHO` of `testing.json_records`.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from instream.codecs import Decoded, Decoder, Encoder
from instream.rows import ArrowRows
from instream.testing.json_records import FIELDS


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
