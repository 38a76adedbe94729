"""JSON, one object a record, to columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from instream.codecs.columns import Column, Columns
from instream.codecs.explain import explain, not_utf8
from instream.codecs.fields import Echo, Field, Tokens, tokens_of
from instream.codecs.json_parse import Parse, order_of, parse_all, parser_of, without
from instream.codecs.layout import Leaf, layouts
from instream.codecs.protocol import Decoded, EchoColumn
from instream.failures import Code, Failures, Rows, failures_of

Faults = list[tuple[int, Code, str]]
_JOINED_BYTES = 1 << 20

PART_ROWS = 2_000
"""Decoded at once. The Structs of so many records stay in the processor's cache: 0.64 µs a record where 10,000 at once
take 0.74 and 250 take 0.75; and a batch of a million records needs no memory for a million Structs."""


class JsonDecoder:
    """Record by record into Structs, then into columns. A bad record costs itself, and its neighbours nothing."""

    def __init__(self, fields: Sequence[Field], echo: Sequence[Echo], record_bytes_max: int) -> None:
        self._limit = record_bytes_max
        self._schema = pa.schema([pa.field(f.name, f.type, f.nullable) for f in fields])
        self._leaves = [
            *(Leaf(str(f), tokens_of(f.pointer), f.type, not f.nullable) for f in fields),
            *(Leaf(str(e), tokens_of(e.pointer), e.type, False) for e in echo),
        ]
        self._readers = self._readers_for({})
        self._learned = False

    def decode(self, values: Sequence[bytes | None]) -> Decoded:
        """See `protocol.Decoder`."""
        if not self._learned:
            self._learn(values)
        if len(values) <= PART_ROWS:
            return self._part(values)
        starts = range(0, len(values), PART_ROWS)
        return _whole(starts, [self._part(values[start : start + PART_ROWS]) for start in starts])

    def _part(self, values: Sequence[bytes | None]) -> Decoded:
        readers = self._readers  # another thread may learn meanwhile
        faults: Faults = []
        rows, good = self._readable(values, faults)
        parsed: list[list[Any]] = []
        for last, (parse, _) in enumerate(readers, 1 - len(readers)):
            objects, bad = parse_all(parse, good)
            if bad:
                faults += [(int(rows[at]), *explain(good[at], self._leaves, error)) for at, error in bad.items()]
                rows, parsed = np.delete(rows, list(bad)), [without(earlier, bad) for earlier in parsed]
                good = good if last == 0 else without(good, bad)
            parsed.append(objects)
        columns: dict[int, Column] = {}
        for (_, columns_of), objects in zip(readers, parsed, strict=True):
            columns.update(columns_of(objects))
        inputs = len(self._schema)
        batch = pa.RecordBatch.from_arrays([columns[i] for i in range(inputs)], schema=self._schema)
        return Decoded(batch, rows, failures_of(faults), [columns[i] for i in range(inputs, len(self._leaves))])

    def _readable(self, values: Sequence[bytes | None], faults: Faults) -> tuple[Rows, Sequence[bytes]]:
        """Leave out what is not worth parsing. msgspec does not look into strings that it skips: UTF-8 is checked here."""
        if self._is_plain(values):
            return np.arange(len(values), dtype=np.int32), values  # type: ignore[return-value]
        limit = self._limit
        suspects = [row for row, value in enumerate(values) if value is None or len(value) > limit or not value.isascii()]
        bad = {row: fault for row in suspects if (fault := self._unreadable(values[row]))}
        faults += [(row, *fault) for row, fault in bad.items()]
        return np.delete(np.arange(len(values), dtype=np.int32), list(bad)), without(values, bad)

    def _is_plain(self, values: Sequence[bytes | None]) -> bool:
        """Whether all are ASCII and small enough: for small records asked of all at once, 0.012 µs each; for large ones
        of each, 0.043, without a copy."""
        try:
            if values and len(values) * len(values[0]) <= _JOINED_BYTES:  # type: ignore[arg-type]
                joined = b"".join(values)  # type: ignore[arg-type]
                if len(joined) <= self._limit:
                    return joined.isascii()
            return max(map(len, values), default=0) <= self._limit and all(map(bytes.isascii, values))  # type: ignore[arg-type]
        except TypeError:  # a tombstone has no length
            return False

    def _unreadable(self, value: bytes | None) -> tuple[Code, str] | None:
        if value is None:
            return Code.EMPTY, "no value (a tombstone): expected one JSON object"
        if len(value) > self._limit:
            return Code.TOO_LARGE, f"{len(value):,} bytes: at most limits.record_bytes = {self._limit:,} are read"
        if not value.isascii():
            try:
                value.decode()
            except UnicodeDecodeError as error:
                return not_utf8(error)
        return None

    def _learn(self, values: Sequence[bytes | None]) -> None:
        """Put the Structs in the order of the first record that can be read; only speed depends on it."""
        for value in values[:100]:
            if value is None or len(value) > self._limit:
                continue
            if order := order_of(value):
                self._readers = self._readers_for(order)
                self._learned = True
                return

    def _readers_for(self, order: Mapping[Tokens, int]) -> list[tuple[Parse, Columns]]:
        return [(parser_of(self._leaves, layout), Columns(self._leaves, layout)) for layout in layouts(self._leaves, order)]


def _whole(starts: Sequence[int], parts: Sequence[Decoded]) -> Decoded:
    """The parts of one batch together again; `starts` are the records that they begin with."""
    failed = [part.failures for part in parts]
    failures = Failures(
        np.concatenate([part.rows + np.int32(start) for start, part in zip(starts, failed, strict=True)]),
        [code for part in failed for code in part.codes],
        [message for part in failed for message in part.messages],
    )
    batches = pa.Table.from_batches([part.batch for part in parts]).combine_chunks().to_batches()
    return Decoded(
        batches[0] if batches else parts[0].batch,
        np.concatenate([part.rows + np.int32(start) for start, part in zip(starts, parts, strict=True)]),
        failures,
        [_joined(columns) for columns in zip(*(part.echo for part in parts), strict=True)],
    )


def _joined(columns: Sequence[EchoColumn]) -> EchoColumn:
    if isinstance(columns[0], pa.Array):
        return pa.concat_arrays(columns)
    return [text for column in columns for text in column]
