"""Score a file of rows, a batch at a time: any size in little memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from instream.errors import InvalidRows
from instream.scoring.scorer import Scorer

BATCH_ROWS = 10_000
_ENDINGS = ".parquet, .csv or .jsonl"

Rows: TypeAlias = pa.RecordBatch | list[dict[str, Any]]
Write: TypeAlias = Callable[[pa.RecordBatch], None]


@dataclass(slots=True)
class Done:
    """What became of the rows; `first_failed` counts from 0."""

    rows: int = 0
    failed: int = 0
    first_failed: int = 0
    first_error: str = ""


def score_file(scorer: Scorer, rows: Path, out: Path | None, echo: Sequence[str] = ()) -> Done:
    """Score the rows of a file into another, or as JSON lines to standard output.

    Args:
        echo: columns of the rows that are repeated in front of the answers.
    Raises:
        InvalidRows: a file has another ending, cannot be read, or lacks a column.
    """
    done = Done()
    with ExitStack() as stack:
        write: Write | None = None
        for batch in batches_of(rows):
            answers = _beside(batch, scorer.answers(batch), echo)
            write = write or stack.enter_context(_writer(out, answers.schema))
            write(answers)
            _count(done, answers.column("error"))
        if write is None:
            raise InvalidRows(f"{rows} has no rows")
    return done


def batches_of(path: Path) -> Iterator[Rows]:
    """The rows of a file. JSON lines stay dicts: only the model knows their types."""
    if not path.is_file():
        raise InvalidRows(f"{path}: no such file")
    try:
        if path.suffix == ".parquet":
            yield from pa.parquet.ParquetFile(path).iter_batches(BATCH_ROWS)
        elif path.suffix == ".csv":
            yield from pa.csv.open_csv(path)
        elif path.suffix == ".jsonl":
            yield from _lines(path)
        else:
            raise InvalidRows(f"{path}: expected a file ending in {_ENDINGS}")
    except pa.ArrowInvalid as error:
        raise InvalidRows(f"{path} cannot be read: {error}") from error


def _lines(path: Path) -> Iterator[list[dict[str, Any]]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    found: list[dict[str, Any]] = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                found.append(decode(line))
            except msgspec.MsgspecError as error:
                raise InvalidRows(f"{path} line {number:,}: {error}") from error
            if len(found) == BATCH_ROWS:
                yield found
                found = []
    if found:
        yield found


def _beside(rows: Rows, answers: pa.RecordBatch, echo: Sequence[str]) -> pa.RecordBatch:
    columns = [_echoed(rows, name) for name in echo]
    return pa.RecordBatch.from_arrays([*columns, *answers.columns], names=[*echo, *answers.schema.names])


def _echoed(rows: Rows, name: str) -> pa.Array:
    if isinstance(rows, list):
        return pa.array([row.get(name) for row in rows])
    if name not in rows.schema.names:
        raise InvalidRows(f"--echo {name}: no such column; there are {', '.join(rows.schema.names)}")
    return rows.column(name)


def _count(done: Done, errors: pa.Array) -> None:
    failed = len(errors) - errors.null_count
    if failed and not done.failed:
        row = pc.index(errors.is_valid(), pa.scalar(True)).as_py()
        done.first_failed, done.first_error = done.rows + row, errors[row].as_py()
    done.failed += failed
    done.rows += len(errors)


@contextmanager
def _writer(out: Path | None, schema: pa.Schema) -> Iterator[Write]:
    if out is not None and not out.parent.is_dir():
        raise InvalidRows(f"{out}: the folder {out.parent} is not there")
    if out is None:
        yield partial(_write_lines, sys.stdout.buffer)
    elif out.suffix == ".parquet":
        with pa.parquet.ParquetWriter(out, schema) as columns:
            yield columns.write_batch
    elif out.suffix == ".jsonl":
        with out.open("wb") as lines:
            yield partial(_write_lines, lines)
    else:
        raise InvalidRows(f"{out}: answers go to a file ending in .parquet or .jsonl")


def _write_lines(stream: BinaryIO, batch: pa.RecordBatch) -> None:
    stream.write(msgspec.json.Encoder().encode_lines(batch.to_pylist()))
