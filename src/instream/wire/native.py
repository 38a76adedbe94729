"""Instream's own form: Arrow's IPC stream, whose columns are read where they lie in the body.

A question is a stream with the columns that the model reads. An answer has the output columns, then the stamps; the
schema's metadata says how many are outputs, by which head, and which rows failed.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import pyarrow as pa

from instream.errors import InvalidRows, TooLarge, WrongAnswer
from instream.failures import Code, Failures
from instream.predictor import STAMPS, Prediction, no_rows, one_batch
from instream.wire import flatbuffer

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
_KEY = b"instream"
_BROKEN = (pa.ArrowException, OSError, ValueError, IndexError, EOFError)


class _About(msgspec.Struct, frozen=True):
    """What an answer says besides its columns."""

    head: int
    outputs: int
    rows: list[int] = []
    codes: list[Code] = []
    messages: list[str] = []


def write_rows(batch: pa.RecordBatch) -> bytes:
    """A question."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def read_rows(body: bytes, rows_max: int) -> pa.RecordBatch:
    """The rows of a stream from anybody, which keep the body alive.

    Raises:
        TooLarge: more rows than `rows_max`.
        InvalidRows: it is no Arrow stream, or has dictionaries or compressed buffers, whose size nobody can check before
            they are unpacked.
    """
    try:
        rows = _checked_rows(body)
        if rows > rows_max:
            raise TooLarge(f"{rows:,} rows in one request: at most {rows_max:,} are taken; send fewer at once")
        with pa.ipc.open_stream(body) as reader:
            _ = reader.schema.names  # texts too, which pyarrow decodes when somebody asks
            batches = list(reader)
            for batch in batches:
                batch.validate(full=True)  # offsets and texts of strangers: what reads them trusts them
            return one_batch(batches) if batches else no_rows(reader.schema)
    except _BROKEN as error:
        raise InvalidRows(f"the body is no Arrow IPC stream that can be read: {error}") from error


def write_answer(prediction: Prediction) -> bytes:
    """An answer; a failed row is null in every output."""
    failures = prediction.failures
    about = _About(prediction.head, prediction.outputs.num_columns, failures.rows.tolist(), list(failures.codes), list(failures.messages))
    stamps = prediction.stamps.select([each.name for each in STAMPS if _is_told(prediction.stamps, each.name)])
    arrays = [*prediction.outputs.columns, *stamps.columns]
    names = [*prediction.outputs.schema.names, *stamps.schema.names]
    schema = pa.schema([pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)], {_KEY: msgspec.json.encode(about)})
    return write_rows(pa.RecordBatch.from_arrays(arrays, schema=schema))


def read_answer(body: bytes, rows: int, produces: pa.Schema) -> Prediction:
    """What a server answered to `rows` rows, checked before it is believed.

    Raises:
        WrongAnswer: it is not what was asked for; says how.
    """
    try:
        batch = read_rows(body, rows)
        about = msgspec.json.decode((batch.schema.metadata or {})[_KEY], type=_About)
    except (InvalidRows, KeyError, msgspec.MsgspecError) as error:
        raise WrongAnswer(f"the answer cannot be read: {error}") from error
    outputs, stamps = batch.columns[: about.outputs], batch.columns[about.outputs :]
    names = batch.schema.names
    if batch.num_rows != rows:
        raise WrongAnswer(f"{batch.num_rows} rows were answered to {rows}")
    if (names[: about.outputs], [each.type for each in outputs]) != (produces.names, produces.types):
        raise WrongAnswer(f"the answer has the outputs {_listed(batch.schema, about.outputs)}, expected {_listed(produces)}")
    told = {name: each for name, each in zip(names[about.outputs :], stamps, strict=True) if _is_stamp(name, each.type)}
    if len(told) != len(stamps) or "version" not in told:
        raise WrongAnswer(f"the answer has the stamps {names[about.outputs :]}, expected some of {STAMPS.names}")
    version = told["version"]
    if version.null_count or (rows and np.asarray(version).min() < 1):
        raise WrongAnswer("the answer does not say by which version each row was scored")
    return Prediction(
        pa.RecordBatch.from_arrays(outputs, schema=produces),
        pa.RecordBatch.from_arrays([told.get(each.name, pa.nulls(rows, each.type)) for each in STAMPS], schema=STAMPS),
        about.head,
        _failures(about, rows),
    )


def _is_told(stamps: pa.RecordBatch, name: str) -> bool:
    """What is null in every row, as for packages that are not keyed, is left out."""
    return name == "version" or stamps.column(name).null_count < stamps.num_rows


def _is_stamp(name: str, kind: pa.DataType) -> bool:
    return name in STAMPS.names and STAMPS.field(name).type == kind


def _failures(about: _About, rows: int) -> Failures:
    found = np.array(about.rows, np.int64)
    if not len(found) == len(about.codes) == len(about.messages):
        raise WrongAnswer(f"the answer tells of {len(found)} failed rows, {len(about.codes)} codes and {len(about.messages)} messages")
    if len(found) and (found[0] < 0 or found[-1] >= rows or (np.diff(found) <= 0).any()):
        raise WrongAnswer(f"the failed rows of the answer are not rows of the {rows} that were asked for, in order")
    return Failures(found.astype(np.int32), about.codes, about.messages)


def _checked_rows(body: bytes) -> int:
    """How many rows the record batches of a stream say that they have, before anything is made of them."""
    return sum(flatbuffer.record_batch_rows(message) for message in _record_batches(body))


def _record_batches(body: bytes) -> Iterator[pa.Buffer]:
    for message in pa.ipc.MessageReader.open_stream(body):
        if message.type == "record batch":
            yield message.metadata
        elif message.type != "schema":
            raise InvalidRows(f"the stream has a {message.type}: plain columns were expected; decode dictionaries first")


def _listed(schema: pa.Schema, first: int | None = None) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in list(schema)[:first]) or "none"
