"""Which module knows a kind of URL; imported when such a URL is opened."""

from __future__ import annotations

from importlib import import_module
from typing import Literal, Protocol, cast

from instream.connectors.opening import SinkOpening, SourceOpening
from instream.connectors.protocol import Sink, Source
from instream.connectors.url import FileUrl, KafkaUrl, Url
from instream.errors import MissingExtra

Kind = Literal["kafka", "-", ".jsonl", ".jsonl.gz", ".parquet"]

_MODULES: dict[Kind, str] = {
    "kafka": "instream.connectors.kafka.connector",
    "-": "instream.connectors.standard",
    ".jsonl": "instream.connectors.jsonl",
    ".jsonl.gz": "instream.connectors.jsonl",
    ".parquet": "instream.connectors.parquet",
}
_EXTRAS = {"confluent_kafka": "kafka"}


class Connector(Protocol):
    """What such a module has."""

    def open_source(self, opening: SourceOpening) -> Source: ...

    def open_sinks(self, openings: list[SinkOpening]) -> list[Sink]:
        """Sinks that one worker uses together."""
        ...

    def set_start(self, opening: SourceOpening) -> None:
        """Commit `opening.start` as the group's position, while nobody runs it."""
        ...


def kind_of(url: Url) -> Kind:
    if isinstance(url, KafkaUrl):
        return "kafka"
    return url.suffix if isinstance(url, FileUrl) else "-"


def connector(kind: Kind) -> Connector:
    """Raises MissingExtra when its library is not installed."""
    try:
        return cast(Connector, import_module(_MODULES[kind]))
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        raise MissingExtra(f"a {kind} URL", _EXTRAS[error.name]) from error
