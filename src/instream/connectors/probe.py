"""A look at the ends of a pipeline that joins nothing, commits nothing and writes nothing: for `check` and `init`."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Protocol, cast

from instream import settings
from instream.connectors.found import TopicFound
from instream.connectors.open import open_source
from instream.connectors.opening import Options
from instream.connectors.registry import connector, kind_of
from instream.connectors.url import KafkaUrl, Url, parse
from instream.errors import SinkFailed
from instream.records import Records
from instream.secrets import resolve, resolve_options

SAMPLE_RECORDS = 100
_POLL_S = 0.2
_TURNS_MAX = 50
_SAMPLE_LIMITS = settings.Limits()


class TopicProbe(Protocol):
    """What the module of a connector with topics has besides."""

    def look(self, url: KafkaUrl, options: Options, group: str | None) -> TopicFound: ...


def look(url: str, options: Options, *, folder: Path, group: str | None = None) -> TopicFound | None:
    """What is at the end of a URL; None where it is no topic.

    Args:
        group: whose committed positions are wanted.
    Raises:
        SettingsInvalid: the URL, an option or a secret cannot be used.
        SourceFailed: the broker is not reached within 10 s or refuses us, or there is no such topic.
    """
    parsed = parse(resolve(url, folder), folder)
    if not isinstance(parsed, KafkaUrl):
        return None
    probe = cast(TopicProbe, connector(kind_of(parsed)))
    return probe.look(parsed, resolve_options(options, folder), group)


def sample(source: settings.Source, *, folder: Path, records: int = SAMPLE_RECORDS) -> list[Records]:
    """Up to so many of the oldest real records, in batches.

    Args:
        source: standard input gives none: what is read of it would be missing later.
    Raises:
        SettingsInvalid, SourceFailed, MissingExtra: as `open_source`.
    """
    if str(_parsed(source, folder)) == "-":
        return []
    given = source.model_copy(update={"start": "earliest"})
    opened = open_source(given, group=None, member="sample", folder=folder, limits=_SAMPLE_LIMITS, until="end")
    try:
        found: list[Records] = []
        for _ in islice(iter(lambda: opened.ended, True), _TURNS_MAX):
            batch = opened.poll(records - sum(map(len, found)), int(_SAMPLE_LIMITS.bytes), _POLL_S)
            if batch is not None:
                found.append(batch)
            if sum(map(len, found)) >= records:
                break
        return found
    finally:
        opened.close()


def writable(url: str, *, folder: Path) -> None:
    """Raises SinkFailed when a file cannot be written there; topics are for `look`."""
    parsed = parse(resolve(url, folder), folder)
    path = getattr(parsed, "path", None)
    if path is not None and not path.parent.is_dir():
        raise SinkFailed(f"{parsed}: there is no folder {path.parent}; make it")


def _parsed(source: settings.Source, folder: Path) -> Url:
    return parse(resolve(source.url, folder), folder)
