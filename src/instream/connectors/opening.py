"""What a connector is given to open one end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from instream.connectors.start import Start
from instream.connectors.url import Url

Options = Mapping[str, str | int | float | bool]
Column = Literal["keys", "headers", "timestamps"]
Existing = Literal["append", "replace", "truncate"]
COLUMNS: frozenset[Column] = frozenset(("keys", "headers", "timestamps"))


@dataclass(frozen=True, slots=True)
class SourceOpening:
    """How to open a source.

    Attributes:
        group: whose committed positions to read and write; None reads from `start` and commits nothing anywhere.
        member: this worker within the group; the same after a restart.
        start: for a group without positions, and for no group.
        until: "end" ends at what was there when the source was opened.
        nbytes: share of `limits.bytes` for what is fetched ahead.
        record_bytes: a longer record is a dead letter; no more than one byte beyond it is kept of one.
        columns: which besides the value are wanted.
        options: as in the file, secrets resolved.
    """

    url: Url
    group: str | None
    member: str
    start: Start
    until: Literal["end"] | None
    nbytes: int
    record_bytes: int
    columns: frozenset[Column]
    options: Options


@dataclass(frozen=True, slots=True)
class SinkOpening:
    """How to open a sink.

    Attributes:
        nbytes: share of `limits.bytes` for what is written and not yet durable.
        partitioner: "murmur2_random" places keys as Java does; "source" keeps the source's partition.
        source_id: "header" writes `instream-source: topic/partition/offset`.
        transactional_id: makes the sink transactional, and fences the one that had it before.
        existing: what becomes of a file that is there.
        holds: "letters" are dead letters, which are texts whatever the source is.
        options: as in the file, secrets resolved.
    """

    url: Url
    nbytes: int
    existing: Existing
    holds: Literal["outputs", "letters"]
    partitioner: Literal["murmur2_random", "source"]
    source_id: Literal["header", "none"]
    transactional_id: str | None
    options: Options
