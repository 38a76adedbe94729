"""Parquet files: record batches in and out, and no row is ever text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from instream.connectors.opening import SinkOpening, SourceOpening
from instream.connectors.protocol import Lag, Sink, Source
from instream.connectors.url import FileUrl
from instream.connectors.whole_file import WholeFile
from instream.errors import SettingsInvalid, SinkFailed, SourceFailed
from instream.flow.points import reached
from instream.records import Partition, Records
from instream.rows import ArrowRows

_READ_ROWS = 8_192
_GROUP_ROWS = 65_536
_GROUP_BYTES = 16 << 20


class ParquetSource:
    """See `protocol.Source`. Its one partition is (path, 0), an offset is the number of a row.

    No positions outlive a run: each begins at the first row. Read batch by batch, never a whole row group.
    """

    def __init__(self, path: Path) -> None:
        self._partition = Partition(str(path), 0)
        self._next = 0
        self._committed = 0
        self._held = False
        self._done = False
        try:
            self._file = pq.ParquetFile(path, pre_buffer=False)
        except (OSError, pa.ArrowException) as error:
            raise SourceFailed(f"{path}: cannot be read as Parquet: {error}") from error
        self._batches = self._read()
        self._batch: pa.RecordBatch | None = None

    def _read(self) -> Iterator[pa.RecordBatch]:
        batches: Iterator[pa.RecordBatch] = self._file.iter_batches(_READ_ROWS, use_threads=False)
        return batches

    def poll(self, rows: int, nbytes: int, timeout_s: float) -> Records | None:
        if self._held or self._done:
            time.sleep(timeout_s)
            return None
        batch = self._take(rows, nbytes)
        if batch is None:
            self._done = True
            return None
        begin, self._next = self._next, self._next + batch.num_rows
        return Records(
            topic=self._partition.topic,
            values=ArrowRows(batch),
            partitions=np.zeros(batch.num_rows, np.int32),
            offsets=np.arange(begin, self._next, dtype=np.int64),
            positions={self._partition: self._next},
        )

    def _take(self, rows: int, nbytes: int) -> pa.RecordBatch | None:
        while self._batch is None or self._batch.num_rows == 0:
            try:
                self._batch = next(self._batches, None)
            except (OSError, pa.ArrowException) as error:
                raise SourceFailed(f"{self._partition.topic}: cannot be read on after row {self._next:,}: {error}") from error
            if self._batch is None:
                return None
        each = max(1, self._batch.nbytes // self._batch.num_rows)
        count = max(1, min(rows, nbytes // each, self._batch.num_rows))
        taken, self._batch = self._batch.slice(0, count), self._batch.slice(count)
        return taken

    def hold(self) -> None:
        self._held = True

    def release(self) -> None:
        self._held = False

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """For `rewind` within this run only."""
        reached("committing")
        self._committed = positions.get(self._partition, self._committed)
        reached("committed")

    def rewind(self) -> None:
        self._batches, self._batch, self._next, self._done = self._read(), None, 0, False
        while self._next < self._committed:
            skipped = self._take(self._committed - self._next, _GROUP_BYTES)
            if skipped is None:
                raise SourceFailed(f"{self._partition.topic}: it has become shorter while it was read")
            self._next += skipped.num_rows

    def listen(self, revoked: Callable[[], None], lost: Callable[[], None]) -> None:
        """Nobody takes a file away."""

    @property
    def ended(self) -> bool:
        return self._done

    def lag(self) -> Lag:
        return Lag(self._file.metadata.num_rows - self._next)

    def close(self) -> None:
        self._file.close()


class Groups:
    """What WholeFile fills: batches are gathered to row groups of a size that readers like."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self._gathered: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def add(self, values: Sequence[bytes | None]) -> None:
        if not isinstance(values, ArrowRows):
            raise SinkFailed(f"{self._path.name}: a Parquet file takes columns, and these records are texts; write them to .jsonl")
        batch = values.batch if values.present is None else values.batch.filter(pa.array(values.present, pa.bool_()))
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, batch.schema)
        self._gathered.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._write()

    def close(self) -> None:
        self._write()
        if self._writer is not None:
            self._writer.close()

    def _write(self) -> None:
        if self._writer is not None and self._rows:
            self._writer.write_table(pa.Table.from_batches(self._gathered))
        self._gathered.clear()
        self._rows = self._bytes = 0


def open_source(opening: SourceOpening) -> Source:
    assert isinstance(opening.url, FileUrl), opening.url
    return ParquetSource(opening.url.path)


def open_sinks(openings: list[SinkOpening]) -> list[Sink]:
    return [_open_sink(opening) for opening in openings]


def _open_sink(opening: SinkOpening) -> Sink:
    assert isinstance(opening.url, FileUrl), opening.url
    if opening.holds == "letters":
        raise SettingsInvalid(f"dead_letter.url = {opening.url}: dead letters are texts; use .jsonl")
    return WholeFile(opening.url.path, Groups, opening.existing)


def set_start(opening: SourceOpening) -> None:
    """A file is always read from its beginning."""
