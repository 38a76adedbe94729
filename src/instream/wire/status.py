"""What an error is called on each transport, and what a client makes of it again."""

from __future__ import annotations

from typing import NamedTuple

from instream.errors import (
    Closed,
    DeadlineExceeded,
    InstreamError,
    InvalidRows,
    NotFound,
    Overloaded,
    PackageRefused,
    SettingsInvalid,
    TooLarge,
    Unavailable,
)

ERROR_HEADER = "instream-error"
"""The error's kind, on every answer that is one: the same status may have several causes."""
VERSION_HEADER, HEAD_HEADER = "instream-version", "instream-head"
PIN_HEADER = "instream-pin"
TIMEOUT_HEADER = "instream-timeout-ms"
RETRY_HEADER = "retry-after-ms"
"""Beside `Retry-After`, whose unit is whole seconds."""
PUSHBACK = "grpc-retry-pushback-ms"
"""Source: gRPC, proposal A6, "Pushback"."""


_DIGITS_MAX = 15


class Status(NamedTuple):
    """An HTTP status, and the name and number of gRPC's."""

    http: int
    grpc: str


_STATUS: tuple[tuple[type[InstreamError], Status], ...] = (  # the first that fits
    (TooLarge, Status(413, "OUT_OF_RANGE")),
    (InvalidRows, Status(400, "INVALID_ARGUMENT")),
    (SettingsInvalid, Status(400, "INVALID_ARGUMENT")),
    (NotFound, Status(404, "NOT_FOUND")),
    (PackageRefused, Status(409, "FAILED_PRECONDITION")),
    (Overloaded, Status(429, "RESOURCE_EXHAUSTED")),
    (DeadlineExceeded, Status(504, "DEADLINE_EXCEEDED")),
    (Unavailable, Status(503, "UNAVAILABLE")),
    (Closed, Status(503, "UNAVAILABLE")),
)
_BUG = Status(500, "INTERNAL")


def status_of(error: BaseException) -> Status:
    """What to answer; anything that is not raised on purpose is our own fault."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), _BUG)


def number_in(text: str, header: str) -> int:
    """The whole number that a header from outside says. Raises InvalidRows."""
    if not (text.isascii() and text.isdecimal()) or len(text) > _DIGITS_MAX:
        raise InvalidRows(f"{header}: {text[:40]!r}: a whole number was expected")
    return int(text)


def seconds_in(text: object, a_second: int) -> float | None:
    """Seconds that a server asks for; None where it says nothing that can be read."""
    readable = isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX
    return int(text) / a_second if readable else None  # type: ignore[call-overload]


def error_of(kind: str, message: str, retry_after_s: float | None) -> InstreamError | None:
    """The error that a server of ours named; None for a name that is not known here."""
    found = next((each for each, _ in _STATUS if each.__name__ == kind), None)
    if found is None:
        return None
    if issubclass(found, Unavailable):
        return found(message, 0.1 if retry_after_s is None else retry_after_s)
    return found(message)
