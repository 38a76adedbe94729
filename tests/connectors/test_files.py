"""Files and standard input and output hold the laws, with what is particular to them."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ByteSize

from instream import settings
from instream.connectors import Sink, Source, open_sink, open_source
from instream.connectors.line_sink import joined
from instream.connectors.lines import LineSource
from instream.connectors.opening import Existing
from instream.connectors.standard import InputChunks, OutputSink
from instream.errors import ReaderGone, SettingsInvalid, SinkFailed, SourceFailed
from instream.rows import ArrowRows
from instream.testing.batches import outcome_with, records_with
from instream.testing.connectors import Put, Seen, SinkLaws, SourceLaws, batches_of, ids_of, line

LIMITS = settings.Limits(bytes=ByteSize(1 << 20), record_bytes=ByteSize(1 << 16))


def source_at(path: Path) -> Source:
    return open_source(settings.Source(url=str(path)), group="g", member="g-0", folder=path.parent, limits=LIMITS, until="end")


def sink_at(path: Path, existing: Existing = "replace") -> Sink:
    return open_sink(settings.Sink(url=str(path)), folder=path.parent, limits=LIMITS, existing=existing)


class TestLines(SourceLaws):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "in.jsonl"

    @pytest.fixture
    def put(self, path: Path) -> Put:
        def put(values: Sequence[bytes]) -> None:
            path.write_bytes(b"\n".join(values))

        return put

    @pytest.fixture
    def opened(self, path: Path) -> Callable[[], Source]:
        return lambda: source_at(path)


class TestCompressedLines(TestLines):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "in.jsonl.gz"

    @pytest.fixture
    def put(self, path: Path) -> Put:
        def put(values: Sequence[bytes]) -> None:
            path.write_bytes(gzip.compress(b"".join(value + b"\n" for value in values)))

        return put


class TestParquet(SourceLaws):
    @pytest.fixture
    def put(self, tmp_path: Path) -> Put:
        def put(values: Sequence[bytes]) -> None:
            pq.write_table(pa.Table.from_pylist([msgspec.json.decode(value) for value in values]), tmp_path / "in.parquet")

        return put

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], Source]:
        return lambda: source_at(tmp_path / "in.parquet")


class TestLineSink(SinkLaws):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "out.jsonl"

    @pytest.fixture
    def sink(self, path: Path) -> Sink:
        return sink_at(path, "append")

    @pytest.fixture
    def seen(self, path: Path) -> Seen:
        return lambda: path.read_bytes().splitlines()


class TestCompressedSink(SinkLaws):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> Sink:
        return sink_at(tmp_path / "out.jsonl.gz")

    @pytest.fixture
    def seen(self, tmp_path: Path) -> Seen:
        return lambda: gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()).splitlines()


class Texts:
    """A Parquet sink that is given texts, so that the suite can write to it; real ones are given columns."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, records: Any, outcome: Any) -> int:
        rows = [msgspec.json.decode(value) if value else {"id": -1, "padding": ""} for value in outcome.values]
        values = ArrowRows(pa.RecordBatch.from_pylist(rows), [value is not None for value in outcome.values])
        return self._sink.write(records, outcome_with(values))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)


class TestParquetSink(SinkLaws):
    @pytest.fixture
    def sink(self, tmp_path: Path) -> Sink:
        return Texts(sink_at(tmp_path / "out.parquet"))

    @pytest.fixture
    def seen(self, tmp_path: Path) -> Seen:
        return lambda: [msgspec.json.encode(row) for row in pq.read_table(tmp_path / "out.parquet").to_pylist()]


class TestStandardInput:
    @pytest.fixture
    def pipe(self) -> Iterator[tuple[int, int]]:
        ends = os.pipe()
        yield ends
        for fd in ends:
            try:
                os.close(fd)
            except OSError:
                continue

    def test_lines_come_as_they_are_written(self, pipe: tuple[int, int]) -> None:
        source = LineSource("stdin", lambda: InputChunks(pipe[0]), 1 << 16)
        assert source.poll(10, 1 << 20, 0.01) is None
        assert not source.ended
        os.write(pipe[1], b'{"id": 0}\n{"id"')
        assert [ids_of(records) for records in [source.poll(10, 1 << 20, 5)] if records] == [[0]]
        assert source.poll(10, 1 << 20, 0.01) is None
        os.write(pipe[1], b": 1}")
        os.close(pipe[1])
        assert [ids_of(records) for records in batches_of(source)] == [[1]]

    def test_a_reader_that_has_gone_ends_it_quietly(self, pipe: tuple[int, int]) -> None:
        sink = OutputSink(os.dup(pipe[1]))
        os.close(pipe[0])
        with pytest.raises(ReaderGone):
            sink.write(records_with([b"in"]), outcome_with([line(0)]))

    def test_whole_in_a_shell_pipe(self) -> None:
        script = (
            "from instream import settings\nfrom pathlib import Path\nfrom instream.connectors import *\n"
            "from instream.testing.batches import outcome_with\nfrom instream.testing.connectors import batches_of\n"
            "at = dict(folder=Path(), limits=settings.Limits())\n"
            "sink = open_sink(settings.Sink(url='-'), **at)\n"
            "for r in batches_of(open_source(settings.Source(url='-'), group='g', member='g', **at)): sink.write(r, outcome_with(r.values))"
        )
        text = b"".join(line(number) + b"\n" for number in range(20_000))
        done = subprocess.run([sys.executable, "-c", script], input=text, capture_output=True, timeout=60, check=True)
        assert done.stdout == text


def test_a_line_over_the_limit_is_never_held_whole(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    with path.open("wb") as file:
        file.write(line(0) + b"\n")
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b"\n" + line(1) + b"\n")
    tracemalloc.start()
    values = [value for records in batches_of(source_at(path)) for value in records.values]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [len(value or b"") for value in values] == [len(line(0)), LIMITS.record_bytes + 1, len(line(1))]
    assert peak < 8 << 20


def test_a_blank_line_is_a_record(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"id": 0}\n\n{"id": 1}\n')
    assert [list(records.values) for records in batches_of(source_at(path))] == [[b'{"id": 0}', b"", b'{"id": 1}']]


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz", "in.parquet"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceFailed, match=name):
        source_at(tmp_path / name)


def test_a_torn_compressed_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress(os.urandom(1 << 20))[:-1000])
    with pytest.raises(SourceFailed, match="is it whole"):
        list(batches_of(source_at(path), nbytes=1 << 30))


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"old\n")
    sink = sink_at(path)
    sink.write(records_with([b"in"]), outcome_with([b"new"]))
    sink.flush(1)
    assert path.read_bytes() == b"old\n"
    sink.close()
    assert path.read_bytes() == b"new\n"
    assert [each.name for each in tmp_path.iterdir()] == ["out.jsonl"]


def test_appending_cuts_off_what_a_kill_tore(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"id": 0}\n{"id": 1')
    sink = sink_at(path, "append")
    sink.write(records_with([b"in"]), outcome_with([b'{"id": 1}']))
    sink.close()
    assert path.read_bytes() == b'{"id": 0}\n{"id": 1}\n'


def test_a_whole_file_is_followed_by_the_next_one(tmp_path: Path) -> None:
    for _ in range(2):
        sink = sink_at(tmp_path / "out.jsonl.gz", "append")
        for number in range(2):
            sink.write(records_with([b"in"]), outcome_with([line(number)]))
            sink.flush(1)
        sink.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out-2.jsonl.gz", "out-3.jsonl.gz", "out-4.jsonl.gz", "out.jsonl.gz"]


def test_a_newline_within_a_value_stays_one_line() -> None:
    assert joined([b'{"a":\n[1,\n2]}', None, b"{}"]) == b'{"a": [1, 2]}\n{}\n'
    assert joined([None]) == b""


def test_dead_letters_are_texts(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="jsonl"):
        open_sink(settings.DeadLetter(url=str(tmp_path / "dead.parquet")), folder=tmp_path, limits=LIMITS)
    with pytest.raises(SinkFailed, match="columns"):
        sink_at(tmp_path / "out.parquet").write(records_with([b"in"]), outcome_with([b"text"]))
