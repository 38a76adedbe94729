"""What a look at a topic finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """What one partition of a topic keeps.

    Attributes:
        earliest: offset of the oldest record.
        latest: the offset that the next record gets.
        committed: where the group goes on; None without a position, or when no group was named.
    """

    earliest: int
    latest: int
    committed: int | None


@dataclass(frozen=True, slots=True)
class TopicFound:
    """A topic as it is now; `partitions` by number."""

    servers: str
    topic: str
    partitions: Mapping[int, Span]
