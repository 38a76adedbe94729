"""What a URL in a pipeline file means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from instream.errors import SettingsInvalid
from instream.secrets import redact_url

STANDARD = "-"
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(:\d{1,5})?")

Suffix = Literal[".jsonl", ".jsonl.gz", ".parquet"]
SUFFIXES: tuple[Suffix, ...] = (".jsonl", ".jsonl.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class KafkaUrl:
    """`servers` is host:port, separated by commas, as librdkafka wants it."""

    servers: str
    topic: str

    def __str__(self) -> str:
        return f"kafka://{self.servers}/{self.topic}"


@dataclass(frozen=True, slots=True)
class FileUrl:
    """An absolute path and what kind of file it is."""

    path: Path
    suffix: Suffix

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class StandardUrl:
    """Standard input or output."""

    def __str__(self) -> str:
        return STANDARD


Url = KafkaUrl | FileUrl | StandardUrl


def parse(text: str, folder: Path = Path()) -> Url:
    """Read a URL whose references to secrets are resolved.

    Args:
        folder: where a relative path starts.
    Raises:
        SettingsInvalid: says what was expected.

    >>> str(parse("kafka://h1:9092,h2:9092/flights"))
    'kafka://h1:9092,h2:9092/flights'
    >>> parse("data/rows.jsonl.gz", Path("/home")).suffix
    '.jsonl.gz'
    """
    if text == STANDARD:
        return StandardUrl()
    scheme, found, rest = text.partition("://")
    if found and scheme == "kafka":
        return _kafka(text, rest)
    if found and scheme != "file":
        raise SettingsInvalid(f"{redact_url(text)}: no connector for {scheme}://; known: kafka://host:port/topic, a path, -")
    path = (folder / (rest if found else text)).absolute()
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return FileUrl(path, suffix)
    raise SettingsInvalid(f"{text}: the kind of file is told by its name, which must end in {', '.join(SUFFIXES)}")


def _kafka(text: str, rest: str) -> KafkaUrl:
    servers, _, topic = rest.partition("/")
    if "@" in servers:
        raise SettingsInvalid(
            f"{redact_url(text)}: a Kafka URL carries no user; say it in options: sasl.username, sasl.password = '${{env:…}}'"
        )
    if not all(_SERVER.fullmatch(server) for server in servers.split(",")):
        raise SettingsInvalid(f"{text}: expected kafka://host:port[,host:port]/topic")
    if not _TOPIC.fullmatch(topic):
        raise SettingsInvalid(
            f"{text}: {topic!r} is not a topic's name: letters, digits, . _ - (1 to 249); expected kafka://host:port/topic"
        )
    return KafkaUrl(servers, topic)
