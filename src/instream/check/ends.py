"""Source, sink and dead letters: are they there, and are there partitions for the workers?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from instream.check.finding import Finding, error, guarded, ok, warning
from instream.connectors.look import partitions
from instream.connectors.url import FileUrl, KafkaUrl, parse
from instream.secrets import resolve, resolve_options
from instream.settings import Pipeline

Options = Mapping[str, str | int | float | bool]


def check_ends(settings: Pipeline) -> Iterator[Finding]:
    """Is each end there, as far as can be seen without writing?"""
    for part, (url, options) in places(settings).items():
        yield from guarded(part, _look_at, settings, part, url, options)


def places(settings: Pipeline) -> dict[str, tuple[str, Options]]:
    """URL and options of source, sink and dead letters, where they are set."""
    found = {}
    for name, part in (("source", settings.source), ("sink", settings.sink), ("dead_letter", settings.dead_letter)):
        if part is not None and part.url:
            found[name] = (part.url, part.options)
    return found


def _look_at(settings: Pipeline, part: str, url: str, options: Options) -> Iterator[Finding]:
    at = parse(resolve(url, settings.folder), settings.folder)
    if isinstance(at, KafkaUrl):
        yield from _topic(settings, part, at, resolve_options(options, settings.folder))
    elif isinstance(at, FileUrl):
        yield _input(at.path) if part == "source" else _output(part, at.path)
    else:
        yield ok(part, "standard input" if part == "source" else "standard output")


def _topic(settings: Pipeline, part: str, url: KafkaUrl, options: Options) -> Iterator[Finding]:
    count = partitions(url, options)
    yield ok(part, f"{url} is there, with {count:,} partitions")
    if part == "source" and settings.engine.workers > count:
        idle = settings.engine.workers - count
        yield warning(
            "workers", f"{settings.engine.workers} workers for {count} partitions: {idle} would idle", f"engine.workers = {count}"
        )


def _input(path: Path) -> Finding:
    if not path.is_file():
        return error("source", f"{path}: no such file", "correct source.url; a relative path starts at the pipeline file's folder")
    if not os.access(path, os.R_OK):
        return error("source", f"{path} cannot be read by this user", "give the right to read it")
    return ok("source", f"{path}, {path.stat().st_size:,} bytes")


def _output(part: str, path: Path) -> Finding:
    if not path.parent.is_dir():
        return error(part, f"the folder {path.parent} is not there", "make it, or correct the path")
    if not os.access(path.parent, os.W_OK):
        return error(part, f"{path.parent} cannot be written by this user", "give the right to write there")
    if path.exists():
        return warning(part, f"{path} exists and would be replaced at the end", "move it away, or name another file")
    return ok(part, f"{path} can be written")
