"""The laws fail a decoder that is broken on purpose: the tempting one, which reads a batch as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from instream.codecs import Decoded
from instream.failures import Code, failures_of
from instream.testing.codecs import CodecLaws


class Lines:
    """Joins the records and decodes all at once; when the number is right it trusts the order."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(msgspec.defstruct("Line", [("id", msgspec.Raw), ("x", float)]))

    def decode(self, values: Sequence[bytes | None]) -> Decoded:
        try:
            records: list[Any] = self._decoder.decode_lines(b"\n".join(value or b"" for value in values))
        except msgspec.MsgspecError:
            records = []
        if len(records) != len(values):
            failures = failures_of((row, Code.NOT_JSON, "bad lines") for row in range(len(values)))
            return Decoded(pa.RecordBatch.from_pydict({"x": pa.array([], pa.float64())}), np.empty(0, np.int32), failures, [[]])
        batch = pa.RecordBatch.from_pydict({"x": pa.array([record.x for record in records])})
        return Decoded(batch, np.arange(len(values), dtype=np.int32), failures_of(()), [[record.id for record in records]])


SHIFTED = [b'{"id": 0, "x": 0}', b"", b'{"id": 1, "x": 1}', b'{"id": 2, "x": 2} {"id": 3, "x": 3}', b'{"id": 4, "x": 4}']
ONE_BAD = [b'{"id": 0, "x": 0}', b'{"id": 1, "x": "n/a"}', b'{"id": 2, "x": 2}']


@pytest.mark.parametrize("values", [SHIFTED, ONE_BAD], ids=["shifted", "one_bad"])
def test_decoding_as_lines_breaks_the_laws(values: list[bytes | None]) -> None:
    with pytest.raises(AssertionError):
        CodecLaws().test_no_neighbour_changes_a_record(Lines(), values)
    with pytest.raises(AssertionError):
        CodecLaws().test_each_record_is_a_row_or_a_failure(Lines(), values)


def test_a_right_number_of_rows_is_no_proof() -> None:
    """What makes it a trap: one record too few and one too many, and all between have moved."""
    decoded = Lines().decode(SHIFTED)
    assert (len(decoded.rows), decoded.batch.column("x").to_pylist()) == (5, [0, 1, 2, 3, 4])
