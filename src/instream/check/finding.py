"""What a check found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

import msgspec

from instream.errors import InstreamError


class Level(StrEnum):
    """`error`: it would not run, or not for long. `warning`: it runs, and somebody should know."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        part: what of the pipeline, such as `source`.
        found: what is the case.
        fix: what to do about it; empty when nothing need be done.
    """

    level: Level
    part: str
    found: str
    fix: str = ""


def ok(part: str, found: str) -> Finding:
    return Finding(Level.OK, part, found)


def warning(part: str, found: str, fix: str) -> Finding:
    return Finding(Level.WARNING, part, found, fix)


def error(part: str, found: str, fix: str) -> Finding:
    return Finding(Level.ERROR, part, found, fix)


def guarded(part: str, look: Callable[..., object], *given: object) -> Iterator[Finding]:
    """What a check finds; an error that it raises is a finding, and its message says the fix."""
    try:
        found = look(*given)
        if isinstance(found, Iterator):
            yield from found
    except InstreamError as raised:
        yield error(part, str(raised), "")
