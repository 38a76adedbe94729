"""Settings to sources and sinks."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal

from instream import settings
from instream.connectors.opening import COLUMNS, Column, Existing, SinkOpening, SourceOpening
from instream.connectors.protocol import Sink, Source, Transactional
from instream.connectors.registry import connector, kind_of
from instream.connectors.start import start_of
from instream.connectors.url import FileUrl, KafkaUrl, parse
from instream.secrets import resolve, resolve_options

Format = Literal["json", "arrow"]
SourceId = Literal["header", "none"]

_SHARES = 4
"""Of `limits.bytes`: a quarter is fetched ahead, a quarter is written and not yet durable (an eighth each for outputs
and dead letters where they do not share a producer), and half is left to the batches in between."""


def member_of(name: str, slot: int) -> str:
    """A worker's name in its group, and its transactional id: the same after a restart, so that it takes over from itself."""
    return f"{name}-{socket.gethostname()}-{slot}"


def open_source(
    source: settings.Source,
    *,
    group: str | None,
    member: str,
    folder: Path,
    limits: settings.Limits,
    until: Literal["end"] | None = None,
    columns: frozenset[Column] = COLUMNS,
) -> Source:
    """Open where records come from.

    Args:
        group: the pipeline's name; its committed positions are read and written. None reads from `source.start`,
            joins no group and commits nothing: a look without harm.
        member: see `member_of`.
        until: "end" ends at what is there now.
    Raises:
        SettingsInvalid: the URL, an option or a secret cannot be used.
        SourceFailed: there is nothing at the URL, or it refuses us. A broker that cannot be reached is waited for.
        MissingExtra: the connector's library is not installed.
    """
    opening = _source_opening(source, group, member, folder, limits, until, columns)
    return connector(kind_of(opening.url)).open_source(opening)


def set_start(source: settings.Source, *, group: str, folder: Path, limits: settings.Limits) -> None:
    """Make `source.start` the group's committed position, though it has one: `--from`, once, before any worker starts.

    Not by the workers themselves: one that is started again after a crash would start over. Nothing to do for
    files and standard input, which keep no positions.

    Raises:
        SettingsInvalid, SourceFailed, MissingExtra: as `open_source`; also while workers of the group run.
    """
    opening = _source_opening(source, group, f"{group}-from", folder, limits, None, COLUMNS)
    connector(kind_of(opening.url)).set_start(opening)


def _source_opening(
    source: settings.Source,
    group: str | None,
    member: str,
    folder: Path,
    limits: settings.Limits,
    until: Literal["end"] | None,
    columns: frozenset[Column],
) -> SourceOpening:
    return SourceOpening(
        url=parse(resolve(source.url, folder), folder),
        group=group,
        member=member,
        start=start_of(source.start),
        until=until,
        nbytes=int(limits.bytes) // _SHARES,
        record_bytes=int(limits.record_bytes),
        columns=columns,
        options=resolve_options(source.options, folder),
    )


def open_sink(
    sink: settings.Sink | settings.DeadLetter,
    *,
    folder: Path,
    limits: settings.Limits,
    source_id: SourceId = "none",
    existing: Existing = "replace",
) -> Sink:
    """Open where outputs or dead letters go, at least once.

    Args:
        existing: what becomes of a file that is there. "append" where the source keeps positions (`keeps_positions`), or
            a restart would lose what is committed. Dead letters are never hidden under a temporary name.
        source_id: "header" writes the header `instream-source`, where headers are carried.
    Raises:
        SettingsInvalid, SinkFailed, MissingExtra: as `open_source`.
    """
    opening = _sink_opening(sink, folder, int(limits.bytes) // (2 * _SHARES), source_id, None, existing)
    return connector(kind_of(opening.url)).open_sinks([opening])[0]


def open_transactional(
    sink: settings.Sink,
    dead_letter: settings.DeadLetter,
    *,
    transactional_id: str,
    folder: Path,
    limits: settings.Limits,
    source_id: SourceId = "none",
) -> tuple[Transactional, Transactional | None]:
    """Open outputs and dead letters in one transaction; begin, commit, abort and close the first only.

    Args:
        transactional_id: see `member_of`; whoever had it before is fenced.
    Raises:
        SettingsInvalid, SinkFailed, MissingExtra: as `open_source`.
    """
    share = int(limits.bytes) // _SHARES
    openings = [_sink_opening(sink, folder, share, source_id, transactional_id, "append")]
    if dead_letter.url is not None:
        openings.append(_sink_opening(dead_letter, folder, share, "none", transactional_id, "append"))
    sinks: list[Transactional] = connector("kafka").open_sinks(openings)  # type: ignore[assignment]  # with an id they are
    return sinks[0], sinks[1] if len(sinks) > 1 else None


def _sink_opening(
    sink: settings.Sink | settings.DeadLetter,
    folder: Path,
    nbytes: int,
    source_id: SourceId,
    transactional_id: str | None,
    existing: Existing,
) -> SinkOpening:
    assert sink.url is not None
    letters = isinstance(sink, settings.DeadLetter)
    return SinkOpening(
        url=parse(resolve(sink.url, folder), folder),
        nbytes=nbytes,
        existing="truncate" if letters and existing == "replace" else existing,
        holds="letters" if letters else "outputs",
        partitioner=sink.partitioner if isinstance(sink, settings.Sink) else "murmur2_random",
        source_id=source_id,
        transactional_id=transactional_id,
        options=resolve_options(sink.options, folder),
    )


def format_of(url: str, folder: Path = Path()) -> Format:
    """Whether records at this URL are JSON texts or columns. Raises SettingsInvalid."""
    parsed = parse(resolve(url, folder), folder)
    return "arrow" if isinstance(parsed, FileUrl) and parsed.suffix == ".parquet" else "json"


def carries_headers(url: str, folder: Path = Path()) -> bool:
    """Whether a record there has headers, which is where a dead letter says its reason. Raises SettingsInvalid."""
    return isinstance(parse(resolve(url, folder), folder), KafkaUrl)


def keeps_positions(url: str, folder: Path = Path()) -> bool:
    """Whether a source there goes on where the last run committed, or begins anew each time. Raises SettingsInvalid."""
    return isinstance(parse(resolve(url, folder), folder), KafkaUrl)
