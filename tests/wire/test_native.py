"""Instream's own form: what is written is read again, and nothing that a stranger sends does harm."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instream.errors import InvalidRows, TooLarge, WrongAnswer
from instream.failures import NONE, Code, failures_of
from instream.package import Version
from instream.predictor import Prediction, stamped
from instream.wire import native
from instream.wire.inputs import Inputs
from instream.wire.native_question import read_question

ROWS_MAX = 1_000
PRODUCES = pa.schema([pa.field("y", pa.float64(), nullable=False), pa.field("label", pa.string(), nullable=False)])
BATCH = pa.record_batch(
    {"x": [1.0, None, 3.0], "name": ["a", "", None], "v": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.float32(), 2))}
)
BODY = native.write_rows(BATCH)


def prediction(rows: int, failed: tuple[int, ...] = (), version: int = 3) -> Prediction:
    mask = np.isin(np.arange(rows), failed)
    outputs = pa.RecordBatch.from_arrays(
        [pa.array(np.arange(float(rows)), mask=mask), pa.array([None if bad else "late" for bad in mask], pa.string())], schema=PRODUCES
    )
    stamps = stamped(Version(version), rows)
    return Prediction(outputs, stamps, 7, failures_of((row, Code.SCORE, f"row {row} is bad") for row in failed))


def test_rows_are_read_as_they_were_written() -> None:
    assert native.read_rows(BODY, ROWS_MAX).equals(BATCH)
    assert native.read_rows(native.write_rows(BATCH.slice(1, 1)), ROWS_MAX).equals(BATCH.slice(1, 1))
    assert native.read_rows(native.write_rows(BATCH.slice(0, 0)), ROWS_MAX).num_rows == 0


@given(st.integers(0, 40), st.data())
def test_an_answer_is_read_as_it_was_written(rows: int, data: st.DataObject) -> None:
    failed = tuple(sorted(data.draw(st.sets(st.integers(0, rows - 1))))) if rows else ()
    written = prediction(rows, failed)
    read = native.read_answer(native.write_answer(written), rows, PRODUCES)
    assert read.outputs.equals(written.outputs)
    assert read.stamps.equals(written.stamps)
    assert (read.head, read.failures.rows.tolist(), list(read.failures.codes)) == (7, list(failed), [Code.SCORE] * len(failed))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (native.write_answer(prediction(2)), "2 rows were answered to 3"),
        (native.write_answer(prediction(4)), "4 rows in one request"),
        (native.write_answer(prediction(3, version=0)), "by which version"),
        (native.write_rows(BATCH), "cannot be read"),
        (b"<html>It works!</html>", "cannot be read"),
        (b"", "cannot be read"),
        (native.write_answer(prediction(3))[:-40], "cannot be read"),
    ],
    ids=["fewer rows", "more rows", "no version", "no answer", "html", "empty", "half"],
)
def test_a_wrong_answer_is_never_data(answer: bytes, said: str) -> None:
    with pytest.raises(WrongAnswer, match=said):
        native.read_answer(answer, 3, PRODUCES)


def test_other_outputs_and_impossible_failures_are_wrong() -> None:
    good = native.write_answer(prediction(3))
    with pytest.raises(WrongAnswer, match=r"has the outputs y double, label string, expected y float"):
        native.read_answer(good, 3, pa.schema([pa.field("y", pa.float32()), pa.field("label", pa.string())]))
    one = prediction(3, (1,))
    beyond = Prediction(one.outputs, one.stamps, 7, failures_of([(3, Code.SCORE, "")]))
    with pytest.raises(WrongAnswer, match="not rows of the 3"):
        native.read_answer(native.write_answer(beyond), 3, PRODUCES)


def test_sizes_are_checked_before_memory_is_taken() -> None:
    """A compressed buffer and a column of nulls can be a few bytes long and say that they are of any size."""
    with pytest.raises(TooLarge, match="3 rows in one request: at most 2"):
        native.read_rows(BODY, 2)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, BATCH.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(BATCH)
    with pytest.raises(InvalidRows, match="compressed"):
        native.read_rows(bytes(sink.getvalue()), ROWS_MAX)
    nothing = native.write_rows(pa.RecordBatch.from_arrays([pa.nulls(10)], ["n"]))
    huge = nothing.replace(struct.pack("<q", 10), struct.pack("<q", 1 << 50))
    with pytest.raises(TooLarge, match="1,125,899,906,842,624 rows"):
        native.read_rows(huge, ROWS_MAX)
    coded = pa.RecordBatch.from_arrays([pa.array(["a", "b"]).dictionary_encode()], ["s"])
    with pytest.raises(InvalidRows, match="dictionary"):
        native.read_rows(native.write_rows(coded), ROWS_MAX)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_body_does_harm(data: st.DataObject) -> None:
    """Whatever is changed in a body: it is read, or refused."""
    body = bytearray(BODY)
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    for each in (bytes(body), bytes(body[:cut])):
        with contextlib.suppress(InvalidRows, TooLarge):
            native.read_rows(each, ROWS_MAX).to_pydict()


def test_columns_are_found_by_name_and_converted_where_their_meaning_stays() -> None:
    inputs = Inputs(pa.schema([("v", pa.list_(pa.float32(), 2)), ("x", pa.float32())]))
    columns = read_question(BODY, inputs, ROWS_MAX).columns
    assert columns.num_rows == 3
    assert [str(getattr(column, "type", None)) for column in columns.values] == ["fixed_size_list<item: float>[2]", "float"]
    with pytest.raises(InvalidRows, match=r"the model reads z \(int64\), and the rows have x, name, v"):
        read_question(BODY, Inputs(pa.schema([("z", pa.int64())])), ROWS_MAX)
    with pytest.raises(InvalidRows, match="column name"):
        read_question(BODY, Inputs(pa.schema([("name", pa.float64())])), ROWS_MAX)
    assert NONE.rows.tolist() == []
