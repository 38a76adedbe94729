"""Files of JSON, a record a line, .jsonl or .jsonl.gz."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from instream.connectors.line_sink import LineSink, joined
from instream.connectors.lines import CHUNK_BYTES, LineSource
from instream.connectors.opening import SinkOpening, SourceOpening
from instream.connectors.protocol import Sink, Source
from instream.connectors.url import FileUrl, Url
from instream.connectors.whole_file import WholeFile
from instream.errors import SourceFailed


class FileChunks:
    """Of a file, decompressed when its name says so."""

    def __init__(self, url: FileUrl) -> None:
        self._path = url.path
        try:
            self._file: BinaryIO | gzip.GzipFile = gzip.GzipFile(url.path) if url.suffix == ".jsonl.gz" else url.path.open("rb")
        except OSError as error:
            raise SourceFailed(f"{url.path}: {error.strerror}") from error

    def read(self, timeout_s: float) -> bytes | None:
        try:
            return self._file.read(CHUNK_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise SourceFailed(f"{self._path}: cannot be read on: {error}; is it whole, and is it what its name says?") from error

    def close(self) -> None:
        self._file.close()


def open_source(opening: SourceOpening) -> Source:
    url = _file(opening.url)
    return LineSource(str(url.path), lambda: FileChunks(url), opening.record_bytes)


def open_sinks(openings: list[SinkOpening]) -> list[Sink]:
    return [_open_sink(opening) for opening in openings]


def _open_sink(opening: SinkOpening) -> Sink:
    url = _file(opening.url)
    if url.suffix == ".jsonl.gz":
        return WholeFile(url.path, GzipLines, opening.existing)
    return LineSink(url.path, opening.existing)


def set_start(opening: SourceOpening) -> None:
    """A file is always read from its beginning."""


class GzipLines:
    """What WholeFile fills."""

    def __init__(self, path: Path) -> None:
        self._file = gzip.GzipFile(path, "wb", compresslevel=6)

    def add(self, values: Sequence[bytes | None]) -> None:
        self._file.write(joined(values))

    def close(self) -> None:
        self._file.close()


def _file(url: Url) -> FileUrl:
    assert isinstance(url, FileUrl), url
    return url
